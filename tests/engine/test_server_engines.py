"""SGLang, TensorRT-LLM, LMDeploy and TGI: what their logs and sources say. Sources stand at each number."""

from typing import Any

import numpy
import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import Device, device_of, engine_for
from llm_memory_calculator.engines.sglang import Sglang, decode_sizes
from llm_memory_calculator.engines.tensorrt_llm import captured
from llm_memory_calculator.memory import judge, ledger
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.report import Startup
from llm_memory_hardware import get_accelerator

from ..rows import each

GIB = 2**30
SERVERS = ("sglang", "tensorrt_llm", "lmdeploy", "tgi")


def started(model: str, engine: str, version: str | None, hardware: str, **asked: Any) -> Startup:
    report = calculate_memory(
        model, engine=engine, engine_version=version, hardware=hardware, **{"seq_length": 2048, **asked}
    )
    assert report.startup is not None
    return report.startup


def device(name: str) -> Device:
    return device_of(get_accelerator(name))


def share(version: str, card: str, **given: Any) -> float:
    return float(engine_for("sglang", version, device(card), **given).settings["mem_fraction_static"])


# --- SGLang -------------------------------------------------------------------------------------------------------


# server_args.py of these releases, with nvidia-smi's 81,559 MiB of an H100 and 24,564 of a 4090; 0.5.23 printed 0.83
# (sglang pull request 39713)
@pytest.mark.parametrize(
    ("version", "card", "expected"),
    [
        ("0.4.0", "H100", 0.88),
        ("0.4.7", "H100", 0.88),
        ("0.4.8", "H100", round(1 - 10 * 1024 / 81_559, 3)),
        ("0.5.2", "RTX_4090", round(1 - 2.9 * 1024 / 24_564, 3)),
        ("0.5.4", "H100", round(1 - (512 + 1.5 * 8192 + 2 * 256 + 128) / 81_559, 3)),
        ("0.5.9", "RTX_4090", round(1 - (512 + 1.5 * 2048 + 2 * 24 + 128) / 24_564, 3)),
        ("0.5.23", "H100", 0.83),
    ],
)
def test_sglang_takes_the_share_of_its_release_and_card(version: str, card: str, expected: float) -> None:
    assert share(version, card) == pytest.approx(expected, abs=5e-4)


def test_sglang_leaves_ten_gib_of_a_large_card_for_small_chunks() -> None:
    assert share("0.5.4", "H100", chunked_prefill_size=2048) == round(1 - 10_240 / 81_559, 3)


# 36 and 52 sizes of 0.5.x, 23 of 0.4.x up to 160 (logs of sglang issue 4826 and pull request 11716)
@pytest.mark.parametrize(("most", "fine", "sizes"), [(256, True, 36), (512, True, 52), (160, False, 23)])
def test_sglang_captures_so_many_batches(most: int, fine: bool, sizes: int) -> None:
    assert decode_sizes(most, fine=fine) == sizes


# 58 sizes at a chunk of 8,192, 42 at 2,048 (generate_prefill_cuda_graph_batch_sizes of 0.5.23)
@pytest.mark.parametrize(("chunk", "buckets"), [(8192, 58), (4096, 50), (2048, 42)])
def test_sglang_captures_so_many_passes_over_prompts(chunk: int, buckets: int) -> None:
    engine = engine_for("sglang", "0.5.23", device("H100"), chunked_prefill_size=chunk)
    assert isinstance(engine, Sglang)
    assert engine._buckets() == buckets


# Bytes a token that the printed sizes of K and V are of: sglang pull requests 39713 and 11716, issues 7227 and 3481 of
# xinference, find_string ids 47376055009, 55529353766 and 8893364747, vllm issue 21348
@each(
    ("model", "tensor", "tokens", "gib"),
    [
        ("Qwen/Qwen3-0.6B", 1, 556_202, 59.40),
        ("Qwen/Qwen3-4B", 1, 132_681, 18.22),
        ("meta-llama/Llama-3.1-70B", 8, 2_795_207, 106.62),
        ("Qwen/Qwen3-14B", 1, 91_749, 14.00),
        ("Qwen/Qwen3-14B", 4, 298_447, 11.38),
        ("Qwen/Qwen2.5-32B", 4, 46_611, 2.84),
        ("Qwen/Qwen2.5-7B-Instruct", 1, 105_531, 5.64),
        ("Qwen/Qwen3-235B-A22B-FP8", 4, 367_404, 16.46),
        ("google/gemma-3-4b-it", 1, 834_615, 108.24),
    ],
)
def test_sglang_keeps_as_many_bytes_a_token_as_it_prints(model: str, tensor: int, tokens: int, gib: float) -> None:
    startup = started(
        model, "sglang", "0.5.4", "H200", tensor_parallel=tensor, engine_settings={"max_total_tokens": tokens}
    )
    # a request of 2,048 tokens, and two numbers of the log that were rounded to 0.01 GiB
    assert startup.request_bytes / 2048 * tokens / GIB == pytest.approx(gib, abs=0.03)


# Tokens that it printed: sources as above; sglang issue 2468, aisimulate pull request 263 ("about 509k"). Of the A6000,
# the 4090, the 4080 and the 3090 the logs say no more than the size; Granite's fraction and Gemma's size were read off
# the log itself, and what stands beside the weights was fitted on these logs: it holds the laws, and predicts nothing.
@each(
    ("model", "version", "card", "tensor", "fraction", "tokens"),
    [
        ("meta-llama/Llama-3.1-70B", "0.5.4", "H200", 8, None, 2_795_207),
        ("Qwen/Qwen3-14B", "0.4.6", "RTX_A6000", 1, 0.88, 91_749),
        ("Qwen/Qwen3-14B", "0.5.6", "RTX_4090", 4, 0.8, 298_447),
        ("Qwen/Qwen3-235B-A22B-FP8", "0.4.9", "H100", 4, 0.93, 367_404),
        ("deepseek-ai/DeepSeek-R1", "0.5.14", "H200", 8, 0.82, 509_000),
        ("google/gemma-3-4b-it", "0.4.3", "H200", 1, None, 834_615),
        ("LiquidAI/LFM2-700M", "0.5.6", "RTX_4080", 1, None, 473_854),
        ("ibm-granite/granite-4.0-h-micro", "0.5.8", "RTX_4080", 1, 0.774, 399_740),
        ("mistralai/Mistral-7B-Instruct-v0.1", "0.4.0", "RTX_3090", 1, None, 56_524),
    ],
)
def test_sglang_has_as_many_tokens_as_it_printed(
    model: str, version: str, card: str, tensor: int, fraction: float | None, tokens: int
) -> None:
    told = {} if fraction is None else {"mem_fraction_static": fraction}
    startup = started(model, "sglang", version, card, tensor_parallel=tensor, engine_settings=told)
    assert startup.cache_tokens == pytest.approx(tokens, rel=0.03)


def test_sglang_of_a_small_model_holds_less_than_its_rule_says() -> None:
    """3.5 GiB were gone between loading and sizing for no known reason (sglang pull request 39713)."""
    startup = started("Qwen/Qwen3-0.6B", "sglang", "0.5.23", "H100")
    assert startup.cache_tokens == pytest.approx(556_202, rel=0.07)
    assert (startup.cache_tokens or 0) > 556_202


# conv 0.03 GB and ssm 2.74 GB in 38 slots beside 3.04 GB of cache (find_string id 46857556603): 0.9 of it
def test_sglang_shares_the_pool_between_states_and_cache() -> None:
    startup = started(
        "ibm-granite/granite-4.0-h-micro",
        "sglang",
        "0.5.8",
        "RTX_4080",
        engine_settings={"mem_fraction_static": 0.774},
    )
    cache = (startup.cache_tokens or 0) * 8192
    assert (startup.cache_room_bytes - cache) / cache == pytest.approx(0.9, abs=1e-3)
    assert startup.groups[1].startswith("76,750,848 bytes a slot")
    printed = 2.74 + 0.03
    assert printed * GIB / 76_750_848 == pytest.approx(38, abs=0.9)


def test_sglang_keeps_states_in_float32_unless_told() -> None:
    slots = [
        started("ibm-granite/granite-4.0-h-micro", "sglang", "0.5.8", "H100", engine_settings=told).groups[1]
        for told in ({}, {"mamba_ssm_dtype": "bfloat16"})
    ]
    sizes = [int(words.split(" ")[0].replace(",", "")) for words in slots]
    assert 0.5 < sizes[1] / sizes[0] < 0.52


# pool_configurator: full tokens and 0.8 of them for windows; Gemma 3 up to 0.5.23 keeps every layer whole
def test_sglang_has_a_pool_for_windows_where_the_model_has() -> None:
    split = started("openai/gpt-oss-20b", "sglang", "0.5.20", "H100")
    assert len(split.groups) == 2
    whole = started(
        "openai/gpt-oss-20b", "sglang", "0.5.20", "H100", engine_settings={"disable_hybrid_swa_memory": True}
    )
    assert (split.cache_tokens or 0) / (whole.cache_tokens or 1) == pytest.approx(24 / (12 + 0.8 * 12), rel=1e-4)
    assert len(started("google/gemma-3-27b-it", "sglang", "0.5.20", "H100").groups) == 1


def test_sglang_starts_with_a_pool_shorter_than_a_request() -> None:
    startup = started("Qwen/Qwen2.5-32B", "sglang", "0.5.20", "H100", seq_length=131_072)
    assert 0 < (startup.cache_tokens or 0) < 131_072
    assert startup.starts
    assert startup.verdict == "does not fit"
    (refused,) = [one for one in startup.conditions if "exceeds the maximum allowed length" in one.message]
    assert not refused.starts


# DeepSeek-V4-Pro on 8 x H200 is told the least fraction (SemiAnalysisAI/InferenceX issue 2128): here another model's
def test_sglang_names_the_least_share_that_holds_the_weights() -> None:
    startup = started("Qwen/Qwen2.5-32B", "sglang", "0.5.20", "H100", engine_settings={"mem_fraction_static": 0.7})
    assert not startup.starts
    assert "under --mem-fraction-static=0.700. Raise --mem-fraction-static above 0.7" in startup.message


# --- TensorRT-LLM -------------------------------------------------------------------------------------------------


def test_tensorrt_llm_captures_without_padding() -> None:
    assert captured(128) == 34


# (119.70 - 113.65 + 0.56) x 0.9 = 5.95 GiB and 73,728 bytes a token, all 36 layers (find_string id 2263047771);
# 9.06 GiB = 422,048 tokens of 23,040 bytes; 48.35 x 0.85 = 41.10 GiB of 35,136 bytes with fp8
@pytest.mark.parametrize(
    ("model", "cache", "token_bytes"),
    [
        ("openai/gpt-oss-120b", None, 73_728),
        ("HuggingFaceTB/SmolLM2-135M", None, 23_040),
        ("deepseek-ai/DeepSeek-R1", "fp8", 35_136),
    ],
)
def test_tensorrt_llm_charges_every_layer_whole(model: str, cache: str | None, token_bytes: int) -> None:
    startup = started(model, "tensorrt_llm", "1.1", "H200", tensor_parallel=8 if cache else 1, kv_precision=cache)
    assert startup.request_bytes == 2048 * token_bytes


def test_tensorrt_llm_takes_nine_tenths_of_what_is_left() -> None:
    startup = started("HuggingFaceTB/SmolLM2-135M", "tensorrt_llm", "1.2", "RTX_3060")
    # 422,048 on a card of 12 GiB
    assert startup.cache_tokens == pytest.approx(422_048, rel=0.04)
    assert (startup.cache_tokens or 1) % 32 == 0


# 0.9 x 70.48 GiB free = 63.44 GiB = 259,840 tokens in blocks of 64 (docs/source/reference/memory.md), a 7B in fp8 built
# for a batch that the log does not say: 256, whose decoder would take about 180 MB
def test_tensorrt_llm_gives_a_built_engine_nine_tenths_of_what_is_free() -> None:
    startup = started(
        "meta-llama/Llama-2-7b-hf",
        "tensorrt_llm",
        "0.14",
        "H100",
        precision="fp8",
        kv_precision="fp8",
        engine_settings={"max_batch_size": 256, "tokens_per_block": 64},
    )
    assert startup.cache_tokens == pytest.approx(259_840, rel=0.02)


def test_tensorrt_llm_lowers_the_longest_length_rather_than_refuse() -> None:
    asked: dict[str, Any] = {"seq_length": 131_072}
    startup = started("Qwen/Qwen2.5-32B", "tensorrt_llm", "1.2", "H100", **asked)
    assert startup.starts
    assert 0 < (startup.longest or 0) < 131_072
    strict = {"fail_fast_on_attention_window_too_large": True}
    assert not started("Qwen/Qwen2.5-32B", "tensorrt_llm", "1.2", "H100", **asked, engine_settings=strict).starts


def test_tensorrt_llm_says_that_some_checkpoints_carry_an_fp8_cache() -> None:
    for precision, carried in (("fp8", True), ("nvfp4", True), ("bf16", False)):
        report = calculate_memory("llama3.1_8b", engine="tensorrt_llm", precision=precision)
        assert any("kv_cache_quant_algo" in note.text for note in report.notes) == carried


@pytest.mark.parametrize("engine", ["tensorrt_llm", "vllm"])
@pytest.mark.parametrize("precision", ["fp8", "fp8-kv", "nvfp4", "bf16"])
def test_no_note_denies_the_format_of_the_cache_that_was_counted(engine: str, precision: str) -> None:
    for kv_precision in (None, "fp8", "bf16"):
        report = calculate_memory("llama3.1_8b", engine=engine, precision=precision, kv_precision=kv_precision)
        told = [note.text for note in report.notes if note.subject == "kv_precision"]
        assert len(told) <= 1
        for text in told:
            # what would count another format is not the one that was counted
            assert f"kv_precision {report.kv_precision!r}" not in text
            assert f"kv_precision={report.kv_precision!r}" not in text


# --- LMDeploy and TGI ---------------------------------------------------------------------------------------------


# messages.py of the wheels named
@pytest.mark.parametrize(
    ("version", "card", "ratio", "batch", "prefill"),
    [
        ("0.2.0", "A100_80GB", 0.5, 128, 16_384),
        ("0.9.2", "A100_80GB", 0.8, 256, 4096),
        ("0.9.2", "H100", 0.8, 512, 4096),
        ("0.18.0", "H200", 0.8, 1024, 8192),
        ("0.18.0", "RTX_4090", 0.8, 128, 8192),
    ],
)
def test_lmdeploy_takes_its_defaults(version: str, card: str, ratio: float, batch: int, prefill: int) -> None:
    settled = engine_for("lmdeploy", version, device(card)).settings
    assert settled["cache_max_entry_count"] == ratio
    assert (settled["max_batch_size"], settled["max_prefill_token_num"]) == (batch, prefill)


# 132 bytes a head of 128 against 256 (BlockManager.cc: 8 bits, and a scale and a zero of 16 each)
def test_lmdeploy_quantises_a_cache_with_two_parameters_a_head() -> None:
    whole, quantised = (
        started("Qwen/Qwen2.5-7B", "lmdeploy", None, "H100", engine_settings={"quant_policy": policy}).request_bytes
        for policy in (0, 8)
    )
    assert quantised / whole == pytest.approx(132 / 256)


def test_lmdeploy_leaves_a_fifth_of_what_the_weights_leave() -> None:
    startup = started("Qwen/Qwen2.5-7B", "lmdeploy", None, "H100")
    free = startup.device_bytes - startup.context_bytes - startup.non_torch_bytes - startup.weights_bytes
    assert startup.cache_room_bytes == pytest.approx(0.8 * free, rel=1e-6)
    assert (startup.cache_tokens or 1) % 64 == 0


def test_lmdeploy_on_pytorch_holds_logits_back() -> None:
    turbomind, pytorch = (
        started("Qwen/Qwen2.5-7B", "lmdeploy", "0.14", "H100", engine_settings={"backend": backend}).cache_room_bytes
        for backend in ("turbomind", "pytorch")
    )
    assert turbomind - pytorch == pytest.approx(0.8 * (8192 + 2 * 1024) * 152_064 * 2, rel=1e-3)


def test_tgi_refuses_its_default_length_only_where_it_has_one() -> None:
    asked: dict[str, Any] = {"seq_length": 131_072}
    assert started("Qwen/Qwen2.5-32B", "tgi", "3.0", "H100", **asked).starts
    told = {"max_total_tokens": 131_072}
    assert not started("Qwen/Qwen2.5-32B", "tgi", "3.0", "H100", **asked, engine_settings=told).starts


# TGI 1863: 14 GB became 67 on an A100; the cache alone takes all but 5 % here, so it is more
def test_tgi_gives_nearly_all_to_the_cache() -> None:
    startup = started("mistralai/Mistral-7B-v0.1", "tgi", "2.0", "A100_80GB")
    assert 53e9 < startup.cache_room_bytes < 0.95 * startup.device_bytes


# --- arrays -------------------------------------------------------------------------------------------------------

NUMBERS = st.lists(
    st.tuples(st.integers(1, 500), st.integers(1, 200_000), st.sampled_from([24, 80, 141])), min_size=1, max_size=4
)


@settings(max_examples=15, deadline=None)
@given(points=NUMBERS)
@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(
    "model", ["Qwen/Qwen2.5-7B", "openai/gpt-oss-20b", "ibm-granite/granite-4.0-h-micro", "deepseek-ai/DeepSeek-V3"]
)
def test_a_sweep_equals_its_scalars(model: str, name: str, points: list[tuple[int, int, int]]) -> None:
    of_model = load_model(model)
    deployment = Deployment(
        model=of_model,
        formats=of_model.formats(None, None),
        engine=engine_for(name, device=device("H100")),
        accelerator=get_accelerator("H100"),
        layout=Parallelism(),
    )

    def margins(sequences: Any, tokens: Any, total: Any) -> list[Any]:
        load = Load(sequences=sequences, tokens=tokens)
        verdict = judge(deployment, load, ledger(deployment, load), total * GIB)
        room = deployment.engine.cache_room(verdict.place, verdict.conditions[0].margin, tokens)
        assert room is not None
        return [condition.margin for condition in verdict.conditions] + [room.tokens, room.concurrency]

    columns = [numpy.array(column, dtype=numpy.float64) for column in zip(*points, strict=True)]
    swept = [
        numpy.broadcast_to(numpy.asarray(values, dtype=numpy.float64), len(points)) for values in margins(*columns)
    ]
    for index, point in enumerate(points):
        assert [float(values[index]) for values in swept] == pytest.approx(
            [float(value) for value in margins(*point)], rel=1e-9, abs=1.0
        )


# manager_configs.py of DeepSpeed's second inference engine: a reserve of 1,000,000,000 bytes beside the cache
def test_deepspeed_mii_takes_all_that_the_weights_leave_but_a_reserve() -> None:
    startup = started("Qwen/Qwen2.5-7B", "deepspeed_mii", None, "H100")
    free = startup.device_bytes - startup.context_bytes - startup.non_torch_bytes - startup.weights_bytes
    assert startup.cache_room_bytes == pytest.approx(free - 1_000_000_000, rel=1e-6)
    assert startup.settings["max_ragged_batch_size"] == 768
    assert (startup.cache_tokens or 1) % 64 == 0
