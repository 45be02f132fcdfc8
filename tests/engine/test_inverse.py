"""The question of memory turned round: what is found fits, and one more does not."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy
import pytest
from hypothesis import assume, given, strategies as st

from llm_memory_calculator import (
    ArgumentError,
    BatchReport,
    DoesNotFitError,
    Parallelism,
    calculate_memory,
    fewest_devices,
    get_minimum_system_size,
    load_model,
    longest_context,
    max_batch_size,
    smallest_device,
)
from llm_memory_calculator.arguments import MOST_TOKENS, CalculateMemory, MaxBatchSize
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import ENGINES
from llm_memory_calculator.memory import inverse, verdict_of
from llm_memory_calculator.parallel import most_groups, problem
from llm_memory_calculator.question import held
from llm_memory_calculator.sentences import text_of
from llm_memory_hardware import all_accelerators

from ..rows import each

DECODERS = [
    "meta-llama/Llama-3.1-8B",
    "Qwen/Qwen3-30B-A3B",
    "google/gemma-3-1b-pt",
    "deepseek-ai/DeepSeek-V2-Lite",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3-Next-80B-A3B-Instruct",
    "tiiuae/falcon-7b",
]
OTHERS = ["google-t5/t5-large", "openai/whisper-large-v3", "google-bert/bert-base-uncased"]
OF_DECODERS = ("exllama", "lmdeploy", "optimum_habana", "deepspeed", "deepspeed_mii", "transformers_neuronx")
SERVING = [engine for engine in ENGINES if engine not in ("diffusers", "whisper_cpp", "ktransformers")]
HARDWARE = ["T4", "RTX 4090", "A100_80GB", "H100", "2xH100", "4xL40S"]
# What engines run on that run on no such card.
ELSEWHERE = {
    "mlx": "M2 Ultra",
    "optimum_habana": "Gaudi 2",
    "deepspeed": "Gaudi 3",
    "transformers_neuronx": "Inferentia 2",
}
# vLLM 0.19 on H100 SXM with 0.95 of the memory, Qwen2.5-7B-Instruct at max_model_len 8,192: its start-up log, as
# llm-d-planner's pull request 205 quotes it.
LOGGED = {
    "model": "Qwen/Qwen2.5-7B-Instruct",
    "hardware": "H100",
    "engine": "vllm",
    "engine_version": "0.19",
    "gpu_memory_utilization": 0.95,
    "seq_length": 8192,
}
PRINTED_TOKENS, PRINTED_CONCURRENCY = 1_096_000, 133.79


def served(model: str, hardware: str, batch: int = 1, **asked: object) -> tuple[Deployment, Load]:
    found = load_model(model)
    hardware = ELSEWHERE.get(str(asked.get("engine")), hardware)
    return held(MaxBatchSize(model, hardware, **asked), found, batch)  # type: ignore[arg-type]


def fits(deployment: Deployment, load: Load) -> bool:
    return bool(verdict_of(deployment, load).fits)


# --- facts from outside --------------------------------------------------------------------------------------------


def test_the_tokens_of_a_room_are_those_that_vllm_prints() -> None:
    tokens = max_batch_size(**LOGGED, find="tokens").kv_tokens
    assert tokens == pytest.approx(PRINTED_TOKENS, rel=0.005)


def test_the_tokens_of_a_room_are_of_the_length_that_the_engine_is_started_for() -> None:
    # https://github.com/vllm-project/vllm/issues/43308: no length was told, and about 525k tokens were printed
    asked = {"engine": "vllm", "engine_version": "0.21.0", "gpu_memory_utilization": 0.9, "find": "tokens"}
    gemma, card = "cyankiwi/gemma-4-31B-it-AWQ-4bit", "A100 80GB"
    alone = max_batch_size(gemma, card, **asked)
    assert (alone.seq_length, alone.kv_tokens) == (262_144, pytest.approx(525_000, rel=0.2))
    told = max_batch_size(gemma, card, engine_settings={"max_model_len": 32_768}, **asked)
    assert told.seq_length == 32_768
    # shorter ones that are served do not change what it prints
    shorter = max_batch_size(gemma, card, seq_length=4096, engine_settings={"max_model_len": 32_768}, **asked)
    assert told.kv_tokens == shorter.kv_tokens != max_batch_size(gemma, card, seq_length=4096, **asked).kv_tokens


def test_a_length_of_its_own_for_which_there_is_no_room_is_said() -> None:
    report = max_batch_size("meta-llama/Llama-3.1-8B", "RTX 4090", engine="vllm", find="tokens")
    assert report.max_batch_size == 1
    assert report.seq_length <= report.kv_tokens < 131_072
    assert any("By itself vLLM starts for 131,072" in note.text for note in report.notes)


def test_the_most_sequences_are_the_concurrency_that_vllm_prints() -> None:
    assert max_batch_size(**LOGGED).max_batch_size == math.floor(PRINTED_CONCURRENCY)


# --- what is found fits, and one more does not ---------------------------------------------------------------------


@given(st.sampled_from(DECODERS + OTHERS), st.sampled_from(HARDWARE), st.integers(1, 512), st.sampled_from(SERVING))
def test_the_longest_context_fits_and_one_more_token_does_not(
    model: str, hardware: str, batch: int, engine: str
) -> None:
    assume(model not in OTHERS or engine not in OF_DECODERS)
    deployment, load = served(model, hardware, batch, engine=engine)
    found = inverse.longest_context(deployment, load)
    assert 0 <= found.held <= MOST_TOKENS
    assert found.held == 0 or fits(deployment, inverse.long(load, found.held))
    assert found.held == MOST_TOKENS or not fits(deployment, inverse.long(load, found.held + 1))
    longest = deployment.architecture.max_length
    assert found.tokens == (found.held if longest is None else min(found.held, longest))


@given(st.sampled_from(DECODERS + OTHERS), st.sampled_from(HARDWARE), st.integers(1, 400), st.sampled_from(SERVING))
def test_the_most_sequences_fit_and_one_more_on_each_copy_does_not(
    model: str, hardware: str, length: int, engine: str
) -> None:
    assume(model not in OTHERS or engine not in OF_DECODERS)
    deployment, load = served(model, hardware, seq_length=length, engine=engine)
    copies = deployment.layout.data
    found = inverse.most_sequences(deployment, load)
    assert found % copies == 0
    assert found == 0 or fits(deployment, replace(load, sequences=found))
    assert found == 1_000_000 or not fits(deployment, replace(load, sequences=found + copies))


@given(
    st.sampled_from(DECODERS),
    st.sampled_from(HARDWARE),
    st.dictionaries(st.integers(1, 50_000), st.floats(0.01, 1), min_size=1, max_size=4),
)
def test_a_mix_holds_no_fewer_than_all_of_its_longest_and_no_more_than_all_of_its_shortest(
    model: str, hardware: str, mix: dict[int, float]
) -> None:
    found = max_batch_size(model, hardware, mix=mix)
    of_longest = max_batch_size(model, hardware, seq_length=max(mix)).max_batch_size
    of_shortest = max_batch_size(model, hardware, seq_length=min(mix)).max_batch_size
    assert of_longest <= found.max_batch_size <= of_shortest
    assert sum(entry.share for entry in found.mix) == pytest.approx(1)
    assert (found.max_batch_size == 0) == (of_longest == 0)


def test_a_mix_is_said_in_three_ways() -> None:
    said = ("2048:7,8192:3", [[8192, 0.3], [2048, 0.7]], {"2048": 0.7, 8192: 0.3})
    first, *others = (max_batch_size("meta-llama/Llama-3.1-8B", "H100", mix=mix) for mix in said)
    assert [report.max_batch_size for report in others] == [first.max_batch_size] * 2
    assert [entry.tokens for entry in first.mix] == [2048, 8192]
    assert first.seq_length == 8192


def test_an_engine_without_pages_keeps_room_for_the_longest_of_a_mix() -> None:
    asked = {"model": "meta-llama/Llama-3.1-8B", "hardware": "H100", "engine": "llama_cpp"}
    mixed = max_batch_size(**asked, mix={512: 0.9, 8192: 0.1})
    assert mixed.max_batch_size == max_batch_size(**asked, seq_length=8192).max_batch_size
    assert any("room for the longest" in note.text for note in mixed.notes)


def test_a_sweep_gives_what_each_of_its_numbers_does() -> None:
    deployment, load = served("google/gemma-3-1b-pt", "RTX 4090")
    batches = [1, 3, 16, 100, 700]
    swept = inverse.longest_context(deployment, replace(load, sequences=numpy.array(batches, dtype=float))).held
    each = [inverse.longest_context(deployment, replace(load, sequences=batch)).held for batch in batches]
    assert list(swept) == each
    lengths = [1, 100, 4096, 30_000]
    swept = inverse.most_sequences(deployment, replace(load, tokens=numpy.array(lengths, dtype=float)))
    assert list(swept) == [inverse.most_sequences(deployment, replace(load, tokens=length)) for length in lengths]


# --- none is 0, with the reason ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        lambda: max_batch_size("meta-llama/Llama-3.1-70B", "H100"),
        lambda: max_batch_size("meta-llama/Llama-3.1-70B", "H100", mix="128:1"),
        lambda: max_batch_size("meta-llama/Llama-3.1-70B", "H100", data_parallel=2),
    ],
)
def test_no_sequence_is_0_with_the_reason(found: object) -> None:
    assert callable(found)
    report: BatchReport = found()
    assert report.max_batch_size == 0
    assert "One sequence of" in report.reason
    assert "H100_SXM offers" in report.reason


def test_no_context_is_0_with_the_reason() -> None:
    report = longest_context("meta-llama/Llama-3.1-70B", "H100", batch_size=3)
    assert (report.longest_context, report.batch_size) == (0, 3)
    assert report.reason.startswith("A batch of 3 x 1 tokens needs")
    assert max_batch_size("meta-llama/Llama-3.1-70B", "H100", find="tokens").kv_tokens == 0


def test_one_sequence_too_long_is_not_answered_with_one_though_short_ones_of_its_mix_fit() -> None:
    report = max_batch_size("meta-llama/Llama-3.1-8B", "RTX 4090", mix={100: 0.999, 120_000: 0.001})
    assert report.max_batch_size == 0
    assert "120,000 tokens" in report.reason


# --- what the model, or the engine, allows -------------------------------------------------------------------------


def test_a_context_stops_where_the_model_s_config_does_and_says_what_memory_would_hold() -> None:
    report = longest_context("Qwen/Qwen2.5-7B-Instruct", "H100")
    assert report.longest_context == report.seq_length == 32_768
    assert report.reason == "The model's config allows no more."
    assert any(note.subject == "longest_context" and "Memory would hold" in note.text for note in report.notes)


@pytest.mark.parametrize("sequences", [1, 3])
def test_the_memory_of_a_context_is_that_of_the_sequences_that_were_asked(sequences: int) -> None:
    report = longest_context("Qwen/Qwen3-8B", "H100", batch_size=sequences)
    assert report.longest_context is not None
    # 36 layers x 8 heads x 128 x keys and values x 2 bytes
    assert report.kv_cache_bytes == sequences * report.longest_context * 36 * 8 * 128 * 2 * 2
    alike = calculate_memory("Qwen/Qwen3-8B", hardware="H100", batch_size=sequences, seq_length=report.longest_context)
    assert report.total_memory_bytes == alike.total_memory_bytes
    many = "one sequence" if sequences == 1 else "3 sequences"
    assert f"with {many} in all {report.total_memory_bytes / 1e9:.1f} GB" in text_of(report)


def test_a_context_stops_where_the_engine_was_told() -> None:
    report = longest_context("Qwen/Qwen2.5-7B-Instruct", "H100", engine_settings={"max_model_len": 5000})
    assert report.longest_context == 5000
    assert "told" in report.reason


def test_more_sequences_than_the_engine_runs_are_warned_of() -> None:
    report = max_batch_size("meta-llama/Llama-3.1-8B", "H100", seq_length=100, engine_settings={"max_num_seqs": 64})
    assert report.max_batch_size > 64
    assert any(note.origin == "warning" and "max_num_seqs 64" in note.text for note in report.notes)


@each(
    ("asked", "message"),
    [
        ({"model": "black-forest-labs/FLUX.1-dev", "find": "context"}, "its prompt has one length"),
        ({"model": "black-forest-labs/FLUX.1-dev", "find": "tokens"}, "its prompt has one length"),
        ({"model": "black-forest-labs/FLUX.1-dev", "mix": "10:1"}, "its prompt has one length"),
        ({"model": "google-bert/bert-base-uncased", "find": "tokens"}, "keeps no KV cache"),
        (
            {"find": "tokens", "engine": "llama_cpp", "engine_settings": {"no_kv_offload": True}},
            "keeps no KV cache on the device",
        ),
        ({"find": "context", "seq_length": 100}, "seq_length is what find 'context' looks for"),
        ({"batch_size": 4}, "give find 'context' too"),
        ({"mix": "100:1", "find": "context"}, "leave seq_length out, and find at 'batch'"),
        ({"mix": "100:1", "seq_length": 100}, "leave seq_length out"),
        ({"mix": "100"}, "mix must be lengths with their shares"),
        ({"mix": [[100, 0]]}, "mix's share must be a number above 0"),
        ({"mix": {0.5: 1}}, "mix's length must be a whole number"),
        ({"mix": {}}, "mix must be lengths"),
        ({"find": "sequences"}, "Accepted: batch, context, tokens"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        max_batch_size(**{"model": "meta-llama/Llama-3.1-8B", "hardware": "H100", **asked})


# --- the fewest devices --------------------------------------------------------------------------------------------


def every_layout(deployment: Deployment, devices: int, node: int, sequences: int) -> Iterator[Parallelism]:
    """Every layout of exactly so many devices that engines serve."""
    architecture = deployment.architecture
    groups = most_groups(architecture)
    for tensor in range(1, min(devices, node) + 1):
        for pipeline in range(1, min(devices // tensor, architecture.depth) + 1):
            data, left = divmod(devices, tensor * pipeline)
            if left or data > sequences:
                continue
            # dealt out over all copies only where each rank has an expert of its own, and without a pipeline
            shared = {tensor * data} if pipeline == 1 and tensor * data <= groups else set()
            for expert in {1, tensor} | shared:
                layout = Parallelism(tensor=tensor, pipeline=pipeline, data=data, expert=expert)
                if problem(architecture, layout) is None:
                    yield layout


SMALL = ["Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-V2-Lite", "meta-llama/Llama-3.1-8B", "google/gemma-3-1b-pt"]


@given(
    st.sampled_from(SMALL),
    st.sampled_from(["T4", "RTX 4090", "H100"]),
    st.integers(1, 64),
    st.integers(1, 30_000),
    st.sampled_from(["vllm", "sglang", "llama_cpp", "transformers"]),
)
def test_no_layout_of_fewer_devices_holds_the_load(
    model: str, hardware: str, batch: int, length: int, engine: str
) -> None:
    asked = CalculateMemory(model, hardware=hardware, find="devices", seq_length=length, engine=engine)
    deployment, load = held(asked, load_model(model), batch)
    most, node = 12, 8
    found = inverse.fewest_devices(deployment, load, most=most, node=node)

    def holds(devices: int) -> bool:
        layouts = every_layout(deployment, devices, node, batch)
        return any(fits(deployment.laid_out(layout), load) for layout in layouts)

    fewest = next((devices for devices in range(1, most + 1) if holds(devices)), None)
    assert (None if found is None else found.layout.devices) == fewest
    assert found is None or fits(found, load)


def test_the_fewest_devices_are_no_power_of_two_and_stand_in_the_report() -> None:
    counts = {
        report.fewest_devices: report
        for batch in range(40, 200, 40)
        if (report := fewest_devices("meta-llama/Llama-3.1-70B", "H100", batch_size=batch, seq_length=4096))
    }
    assert any(devices & (devices - 1) for devices in counts if devices)
    for devices, report in counts.items():
        assert report.devices == devices
        assert report.fits_device


def test_the_minimum_system_size_is_the_same_number() -> None:
    load = {"batch_size": 64, "input_tokens": 2000, "output_tokens": 96}
    devices = get_minimum_system_size("meta-llama/Llama-3.1-70B", system_name="H100", **load)
    report = fewest_devices("meta-llama/Llama-3.1-70B", "H100", batch_size=64, seq_length=2096)
    assert report.fewest_devices == devices


def test_a_batch_that_copies_share_out_takes_few_devices_of_a_pipeline_that_cannot_be_cut() -> None:
    report = fewest_devices("black-forest-labs/FLUX.1-dev", "H100", batch_size=40)
    assert report.fewest_devices == report.data_parallel
    with pytest.raises(DoesNotFitError, match="fits on no layout of up to"):
        fewest_devices("black-forest-labs/FLUX.1-dev", "RTX 4090")


def test_a_number_that_the_hardware_s_name_says_is_the_most() -> None:
    assert (fewest_devices("meta-llama/Llama-3.1-8B", "8xH100").fewest_devices, 1) == (1, 1)
    with pytest.raises(DoesNotFitError, match="no layout of up to 2 x"):
        fewest_devices("meta-llama/Llama-3.1-70B", "2xRTX 4090")


# --- the smallest device -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["meta-llama/Llama-3.1-8B", "google/gemma-3-1b-pt", "black-forest-labs/FLUX.1-dev"])
def test_no_accelerator_of_less_memory_holds_what_the_smallest_does(model: str) -> None:
    report = smallest_device(model)
    assert report.fits_device
    sizes = [fit.memory_gb for fit in report.smallest_devices]
    assert sizes == sorted(sizes)
    deployment, load = held(CalculateMemory(model, find="device"), load_model(model), 1)
    for entry in all_accelerators():
        if entry.type != "cpu" and not entry.memory_is_maximum and entry.memory_gb < sizes[0]:
            assert not fits(deployment.on(entry), load)


def test_two_of_the_smallest_hold_what_is_split_over_two() -> None:
    alone = smallest_device("meta-llama/Llama-3.1-8B").smallest_devices[0]
    halved = smallest_device("meta-llama/Llama-3.1-8B", tensor_parallel=2).smallest_devices[0]
    assert halved.devices == 2
    assert halved.memory_gb < alone.memory_gb


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"find": "device", "hardware": "H100"}, "looks for the hardware"),
        ({"find": "device", "memory_gb": 24}, "looks for the hardware"),
        ({"find": "devices"}, "needs the devices' kind"),
        ({"find": "devices", "hardware": "H100", "tensor_parallel": 2}, "looks for the layout"),
        ({"find": "devices", "hardware": "H100", "include_gradients": True}, "leave include_gradients"),
        ({"find": "node"}, "Accepted: devices, device"),
    ],
)
def test_what_a_search_finds_is_not_to_be_given(asked: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        calculate_memory("meta-llama/Llama-3.1-8B", **asked)  # type: ignore[arg-type]


def test_what_no_accelerator_holds_alone_says_so() -> None:
    with pytest.raises(DoesNotFitError, match="no accelerator of the catalogue"):
        smallest_device("deepseek-ai/DeepSeek-V3")


# --- the search itself ---------------------------------------------------------------------------------------------


@given(
    st.integers(1, 10**8),
    st.integers(1, 1000),
    st.integers(1, 4096),
    st.floats(1, 1e6),
    st.integers(0, 10**6),
    st.floats(0, 1e12),
)
def test_the_largest_number_is_found_in_few_steps_however_crooked_the_margins_are(
    most: int, least: int, block: int, slope: float, window: int, room: float
) -> None:
    assume(least < most)
    calls = count()

    def margins(number: int) -> dict[str, float]:
        next(calls)
        blocks = math.ceil(number / block)
        crooked = {"flat": room / 3, "falls": room - slope * blocks * block - 5 * slope * min(window, number)}
        # the fullest stage of a larger load may be asked for more
        return crooked | ({"late": room} if number > window else {})

    found = inverse.largest(margins, most, least)
    steps = next(calls)
    assert least - 1 <= found <= most
    assert found < least or min(margins(found).values()) >= 0
    assert found == most or min(margins(found + 1).values()) < 0
    assert steps < 60
