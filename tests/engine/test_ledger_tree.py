"""The ledger as a tree: parts sum to the whole, and the published laws of caches stand in it."""

import random
import re
from collections.abc import Iterator

import pytest

from llm_memory_calculator import (
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    inspect_model,
    load_model,
    max_batch_size,
)
from llm_memory_calculator.parallel import tensor_sizes
from llm_memory_calculator.report import TPOT, TTFT, Line

from .families import one_of_each_family

NAMES = one_of_each_family()
ON_HOST = ("left on the host", "cache on the host")


def walk(line: Line) -> Iterator[Line]:
    yield line
    for part in line.parts:
        yield from walk(part)


def named(line: Line, name: str) -> Line:
    return next(entry for entry in walk(line) if entry.name == name)


@pytest.mark.parametrize("part", range(4))
def test_parts_sum_to_the_whole_for_every_other_family(part: int) -> None:
    draw = random.Random(part)
    for name in NAMES[2 * part :: 8]:
        architecture = load_model(name).architecture
        report = calculate_memory(
            name,
            tensor_parallel=draw.choice(tensor_sizes(architecture, 4)),
            batch_size=draw.randint(1, 9),
            precision=draw.choice([None, "q4_k_m", "fp8"]),
            detail="full",
        )
        tree = report.ledger
        assert tree is not None
        assert tree.value == report.total_memory_bytes
        for line in walk(tree):
            assert line.value >= 0 or line.name in ("cache padding", "weight padding", *ON_HOST)
            if line.parts and "largest" in line.why:
                assert line.value == pytest.approx(max(entry.value for entry in line.parts), abs=1)
            elif line.parts:
                assert line.value == pytest.approx(sum(entry.value for entry in line.parts), abs=1), (name, line.name)


def test_a_window_is_a_kind_of_its_own_with_its_law() -> None:
    # Gemma 3 27B: 52 layers of 1,024 tokens and 10 of all, 16 KV heads of 128 values, 11.17 GB at 131,072 tokens
    tree = calculate_memory("google/gemma-3-27b-it", seq_length=131_072, detail="full").ledger
    assert tree is not None
    assert named(tree, "windowed attention").value == 52 * 1024 * 8192
    assert named(tree, "windowed attention").why == "1 x 52 layers x min(tokens, 1,024) x 8,192 B"
    assert named(tree, "full attention").value == 10 * 131_072 * 8192


def test_the_latent_of_deepseek_is_counted_once_a_token() -> None:
    tree = calculate_memory("deepseek-ai/DeepSeek-V3", seq_length=163_840, tensor_parallel=8, detail="full").ledger
    assert tree is not None
    assert named(tree, "latent attention").value == 61 * 576 * 2 * 163_840


def test_the_state_of_a_recurrence_is_told_from_the_window_of_its_convolution() -> None:
    # Mamba-2.8b: 64 layers of 5,120 channels, 16 float32 values of state each and the last four inputs in 16 bits
    tree = calculate_memory("state-spaces/mamba-2.8b-hf", precision="bf16", detail="full").ledger
    assert tree is not None
    assert named(tree, "recurrent states").value == 64 * 5120 * 16 * 4
    assert named(tree, "convolution windows").value == 64 * 5120 * 4 * 2


def test_weights_by_part_are_those_of_the_model() -> None:
    # Mixtral 8x7B: 32 layers of 8 experts of three 4,096 x 14,336 matrices
    tree = calculate_memory("mistralai/Mixtral-8x7B-v0.1", detail="full").ledger
    assert tree is not None
    assert named(tree, "experts").value == 2 * 32 * 8 * 3 * 4096 * 14_336
    assert named(tree, "attention").value == 2 * 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024)
    assert named(tree, "embedding").value == named(tree, "head").value == 2 * 32_000 * 4096


def test_a_recurrence_is_no_attention() -> None:
    # Jamba: 4 of 32 layers attend, with four projections of 4,096 and 1,024 values
    tree = calculate_memory("ai21labs/Jamba-v0.1", detail="full").ledger
    assert tree is not None
    assert named(tree, "attention").value == 2 * 4 * (2 * 4096 * 4096 + 2 * 4096 * 1024)
    assert named(tree, "recurrent mixers").value > 10 * named(tree, "attention").value
    mamba = calculate_memory("state-spaces/mamba-2.8b-hf", detail="full").ledger
    assert mamba is not None
    assert "attention" not in {line.name for line in walk(mamba)}


def test_searches_explain_their_best_and_a_model_its_weights() -> None:
    layouts = best_parallelism("llama3.1_8b", "H100", devices=2, detail="full")
    assert layouts.ledger is not None
    phases = dict(zip((TTFT, TPOT), layouts.breakdown, strict=True))
    assert phases[TPOT].value == pytest.approx(layouts.best.tpot_ms)
    assert sum(line.value for line in phases[TPOT].parts) == pytest.approx(layouts.best.tpot_ms)
    compared = compare_hardware("llama3.1_8b", ["H100", "L4"], detail="full")
    assert all(row.ledger is not None for row in compared.rows)
    model = inspect_model("llama3.1_8b", detail="full")
    assert model.ledger is not None
    assert sum(line.value for line in model.ledger.parts) == model.weight_memory_bytes == 16_060_522_496


def test_each_component_of_a_pipeline_has_its_weights() -> None:
    # SDXL: a UNet of 2,567,463,684 parameters beside two text encoders and an autoencoder
    tree = calculate_memory("stabilityai/stable-diffusion-xl-base-1.0", detail="full").ledger
    assert tree is not None
    assert named(tree, "unet").value == 2 * 2_567_463_684
    assert {"text encoder", "text encoder 2", "vae"} < {line.name for line in walk(tree)}


def test_activations_say_which_of_the_two_ruled() -> None:
    # a vocabulary of 152,064 rules with 1,024 sequences of a step, and not with 16
    ruled = {}
    for count in (16, 1024):
        report = calculate_memory("Qwen/Qwen2.5-7B", hardware="H100", max_num_seqs=count, detail="full")
        assert report.ledger is not None
        ruled[count] = named(report.ledger, "activations").why
    assert ruled[16].endswith("forward pass")
    assert ruled[1024].endswith("sampler")


def test_the_numbers_of_a_line_give_it() -> None:
    # Llama 3.1 8B: gate, up and down of 14,336 values beside residuals of 4,096
    tree = calculate_memory("meta-llama/Llama-3.1-8B", seq_length=2048, detail="full").ledger
    assert tree is not None
    line = named(tree, "forward pass")
    tokens, width, widest, residuals, hidden, kept = (
        float(word.replace(",", "")) for word in re.findall(r"[\d,]+(?:\.\d+)?", line.why)
    )
    assert widest == 3 * 14_336
    assert line.value == pytest.approx(tokens * width * (widest + residuals * hidden) + kept * 1e6, rel=0.001)


def test_concise_answers_have_no_tree_and_a_batch_has_that_of_its_largest() -> None:
    assert calculate_memory("llama3_8b").ledger is None
    report = max_batch_size("llama3_8b", "H100", detail="full")
    assert report.ledger is not None
    assert report.ledger.value <= 79.19 * 2**30
    assert named(report.ledger, "KV cache").value == report.kv_cache_bytes


@pytest.mark.parametrize("pipeline", [1, 4])
def test_the_operators_of_a_phase_sum_to_its_kinds_of_work(pipeline: int) -> None:
    report = estimate_performance(
        "Qwen/Qwen3-30B-A3B", "H100", tensor_parallel=2, pipeline_parallel=pipeline, batch_size=9, detail="full"
    )
    for phase in (report.prefill_phase, report.decode_phase):
        assert phase is not None
        assert sum(line.value for line in phase.breakdown) == pytest.approx(phase.latency_ms)
        for line in phase.breakdown:
            if line.name not in ("launch", "host", "pipeline"):
                assert sum(part.value for part in line.parts) == pytest.approx(line.value)
