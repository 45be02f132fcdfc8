"""MLX, ExLlama, transformers, diffusers, CTranslate2 and whisper.cpp, by figures that others saw."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as some

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.engines import Engine, Place, engine_for
from llm_memory_calculator.errors import ArgumentError
from llm_memory_calculator.memory.ledger import place_of
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.ranks import holdings
from llm_memory_calculator.report import MemoryReport

from ..rows import each

MB, MIB, GIB = 10**6, 2**20, 2**30
LOCAL = ("mlx", "exllama", "transformers", "diffusers", "ctranslate2", "whisper_cpp")


def placed(name: str, engine: Engine, precision: str | None = None) -> Place:
    model = load_model(name)
    formats, layout = model.formats(precision, None), Parallelism()
    (holding,) = holdings(model.architecture, formats.scheme, layout, engine)
    return place_of(model.architecture, formats, layout, holding)


def total(model: str, hardware: str, **asked: Any) -> float:
    return float(calculate_memory(model, hardware=hardware, **asked).total_memory_gb * 1e9)


# --- MLX -----------------------------------------------------------------------------------------------------------


# mlx-lm issue 1480: peaks of mlx-community/Qwen3.6-35B-A3B-4bit on an M5 Max, mlx-lm 0.31.3, 8 tokens generated
@each(
    ("tokens", "peak_gb"),
    [
        (8192, 21.7),
        (32_768, 23.8),
        (65_536, 26.7),
        (100_000, 29.8),
        (130_000, 32.5),
        (160_000, 35.2),
        (176_000, 36.5),
        (192_000, 38.0),
    ],
)
def test_mlx_peaks_where_a_head_is_too_wide_for_its_fused_kernel(tokens: int, peak_gb: float) -> None:
    found = total("Qwen/Qwen3.6-35B-A3B", "M5 Max", precision="mlx_4bit", engine="mlx", seq_length=tokens + 8)
    assert found == pytest.approx(peak_gb * 1e9, rel=0.01)


@pytest.mark.parametrize(
    ("model", "precision", "tokens", "peak_gb"),
    [
        # issue 1480, in 8 bits
        ("Qwen/Qwen3.6-35B-A3B", "mlx_8bit", 192_008, 55.3),
        # pull request 1569: Qwen3-4B-Instruct-2507-4bit, 2,048 + 128 tokens on an M3 Pro
        ("Qwen/Qwen3-4B", "mlx_4bit", 2176, 3.30),
        # pull request 40: Mistral 7B in 4 bits, 33,898 tokens on an M2 Ultra
        ("mistralai/Mistral-7B-Instruct-v0.3", "mlx_4bit", 33_998, 9.111),
        # pull request 839: DeepSeek-V3 in 4 bits
        ("deepseek-ai/DeepSeek-V3", "mlx_4bit", 4096, 383.213),
        ("deepseek-ai/DeepSeek-V3", "mlx_4bit", 8192, 388.343),
        ("deepseek-ai/DeepSeek-V3", "mlx_4bit", 16_384, 398.605),
        # pull request 478: Qwen3-Next-80B-A3B-Thinking-4bit, 128 + 128 tokens
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "mlx_4bit", 256, 45.09),
    ],
)
def test_mlx_peaks_of_other_models(model: str, precision: str, tokens: int, peak_gb: float) -> None:
    found = total(model, "M3 Ultra", precision=precision, engine="mlx", seq_length=tokens)
    assert found == pytest.approx(peak_gb * 1e9, rel=0.035)


def test_mlx_grows_its_cache_in_steps_of_256_tokens() -> None:
    engine = engine_for("mlx")
    place = placed("meta-llama/Llama-3.1-8B", engine)
    token = 32 * 8 * 128 * 2 * 2
    assert engine.kept_bytes(place, 1, 0) == 256 * token
    assert engine.kept_bytes(place, 256, 0) == 256 * token
    assert engine.kept_bytes(place, 257, 0) == 512 * token


def test_mlx_turns_a_cache_and_quantises_one() -> None:
    place = placed("meta-llama/Llama-3.1-8B", engine_for("mlx"))
    token = 32 * 8 * 128 * 2
    assert engine_for("mlx", max_kv_size=1000).kept_bytes(place, 4096, 0) == 1000 * token * 2
    # 4 bits with a scale and a bias in 16 bits for 64 values are 0.5625 bytes; from 5,000 tokens on
    quantised = engine_for("mlx", kv_bits=4)
    assert quantised.kept_bytes(place, 8192, 0) == 8192 * token * 0.5625
    assert quantised.kept_bytes(place, 4096, 0) == 4096 * token * 2


def test_mlx_took_a_quarter_of_a_chunk_before_0_22() -> None:
    assert engine_for("mlx", "0.20.6").step_tokens == 512
    assert engine_for("mlx", "0.22.5").step_tokens == engine_for("mlx").step_tokens == 2048


def test_the_wired_limit_raises_what_metal_shows() -> None:
    asked: dict[str, Any] = {"precision": "mlx_4bit", "engine": "mlx", "seq_length": 8192}
    small = calculate_memory("meta-llama/Llama-3.1-70B", hardware="M3 Max 48GB", **asked)
    raised = calculate_memory(
        "meta-llama/Llama-3.1-70B", hardware="M3 Max 48GB", engine_settings={"wired_limit_mb": 46_000}, **asked
    )
    assert not small.fits_device
    assert raised.device_budget_bytes == 46_000 * MIB
    assert raised.startup is not None
    assert raised.startup.starts


def test_mlx_has_neither_context_nor_graphs_and_is_what_a_mac_runs() -> None:
    found = calculate_memory("meta-llama/Llama-3.1-8B", hardware="M3 Max", seq_length=4096)
    assert found.engine.startswith("mlx-lm")
    assert found.extra_work_bytes == 0


# --- ExLlama -------------------------------------------------------------------------------------------------------


# textgen's pull request 5645 (ExLlamaV2, llama-2-7b in 16 bits) and 6903 (ExLlamaV3, a Qwen2.5-32B at 4.0 bits):
# whole use of the card; q4_q8 is as much as 6 bits for both
@pytest.mark.parametrize(
    ("model", "precision", "version", "tokens", "mode", "seen_mib"),
    [
        ("meta-llama/Llama-2-7b-hf", None, "0.2", 4096, "FP16", 15_162),
        ("meta-llama/Llama-2-7b-hf", None, "0.2", 4096, "FP8", 14_202),
        ("meta-llama/Llama-2-7b-hf", None, "0.2", 4096, "Q4", 13_882),
        ("Qwen/Qwen2.5-32B-Instruct", "exl3_4.0bpw", None, 8192, "FP16", 18_665),
        ("Qwen/Qwen2.5-32B-Instruct", "exl3_4.0bpw", None, 8192, "Q4", 16_827),
        ("Qwen/Qwen2.5-32B-Instruct", "exl3_4.0bpw", None, 8192, "Q6", 17_097),
    ],
)
def test_exllama_by_whole_use_of_a_card(
    model: str, precision: str | None, version: str | None, tokens: int, mode: str, seen_mib: int
) -> None:
    asked: dict[str, Any] = {"precision": precision, "engine_version": version, "seq_length": tokens}
    found = total(model, "RTX 4090", engine="exllama", engine_settings={"cache_mode": mode}, **asked)
    assert found == pytest.approx(seen_mib * MIB, rel=0.02)


@pytest.mark.parametrize(("mode", "bits"), [("FP16", 16), ("Q8", 8.5), ("Q6", 6.5), ("Q4", 4.5)])
def test_exllama_allocates_the_longest_sequence_at_load(mode: str, bits: float) -> None:
    # exllamav2 0.3.2, cache.py: data beside 16 bits of scale for 32 values
    engine = engine_for("exllama", cache_mode=mode, max_seq_len=4096)
    place = placed("meta-llama/Llama-3.1-8B", engine)
    assert engine.kept_bytes(place, 100, 0) == 4096 * 32 * 8 * 128 * 2 * bits / 8


# --- transformers --------------------------------------------------------------------------------------------------


def test_transformers_loaded_float32_before_5() -> None:
    # modeling_utils.py: "set fp32 as the default dtype for BC" up to 4.57, "auto" from 5.0
    asked: dict[str, Any] = {"hardware": "H100", "engine": "transformers", "seq_length": 1024}
    old = calculate_memory("meta-llama/Llama-3.1-8B", engine_version="4.57", **asked)
    new = calculate_memory("meta-llama/Llama-3.1-8B", **asked)
    assert old.weight_memory_bytes + old.weight_padding_bytes == pytest.approx(2 * new.weight_memory_bytes, rel=1e-6)
    assert new.weight_padding_bytes == 0
    assert old.kv_cache_bytes + old.cache_padding_bytes == 2 * new.kv_cache_bytes


def test_transformers_keeps_windows_from_4_56_on() -> None:
    new, old = engine_for("transformers"), engine_for("transformers", "4.40", dtype="auto")
    place = placed("mistralai/Mistral-7B-v0.1", new)
    token = 32 * 8 * 128 * 2 * 2
    assert new.kept_bytes(place, 32_000, 0) == 4096 * token
    assert old.kept_bytes(place, 32_000, 0) == 32_000 * token


def test_transformers_holds_scores_in_eager_attention() -> None:
    place = placed("meta-llama/Llama-3.1-8B", engine_for("transformers"))
    fused, eager = (
        engine_for("transformers", attn_implementation=kind).peaks(place, 1, 4096, 0)["forward pass"]
        for kind in ("sdpa", "eager")
    )
    assert eager - fused == 32 * 4096 * 4096 * (2 + 4)


def test_transformers_serves_encoders_and_whisper() -> None:
    encoder = calculate_memory(
        "google-bert/bert-base-uncased", hardware="RTX 4090", engine="transformers", seq_length=512
    )
    assert encoder.kv_cache_bytes == 0
    assert encoder.fits_device
    # faster-whisper's README: whisper large-v2 in fp16 with SDPA and 5 beams takes 4,960 MB on an RTX 3070 Ti
    whisper = total(
        "openai/whisper-large-v2",
        "RTX 3070 Ti",
        engine="transformers",
        precision="fp16",
        batch_size=5,
        seq_length=100,
    )
    assert whisper == pytest.approx(4960 * MB, rel=0.03)


# --- diffusers -----------------------------------------------------------------------------------------------------


def test_a_pipeline_is_served_by_diffusers() -> None:
    found = calculate_memory("stabilityai/stable-diffusion-xl-base-1.0", hardware="RTX 4090")
    assert found.engine.startswith("diffusers")
    assert found.fits_device
    assert any("diffusers" in note.text for note in found.notes if note.subject == "engine")


# sayakpaul/sample-datasets, collated_results_sdxl.csv: most that PyTorch held of SDXL, one image of 1024 x 1024
@pytest.mark.parametrize(("precision", "seen_gib"), [("bf16", 8.961), ("fp32", 16.827)])
def test_diffusers_peak_of_sdxl(precision: str, seen_gib: float) -> None:
    found = total("stabilityai/stable-diffusion-xl-base-1.0", "A100_80GB", precision=precision)
    assert found == pytest.approx(seen_gib * GIB, rel=0.05)


def test_offload_leaves_the_largest_component_on_the_device() -> None:
    # FLUX.1-dev: 11.9 B values of its transformer beside 4.9 B of two text encoders, in bf16
    whole, offloaded, sequential = (
        calculate_memory("black-forest-labs/FLUX.1-dev", hardware="RTX 4090", engine_settings={"offload": mode})
        for mode in ("none", "model", "sequential")
    )
    assert whole.weight_memory_bytes == pytest.approx(33.7e9, rel=0.01)
    assert offloaded.weight_memory_bytes - offloaded.host_memory_bytes == pytest.approx(11.9e9 * 2, rel=0.01)
    assert sequential.weight_memory_bytes - sequential.host_memory_bytes < 1e9
    assert not whole.fits_device
    for report, said in ((whole, "no offload"), (offloaded, "offload model"), (sequential, "offload sequential")):
        (peak,) = [note.text for note in report.notes if note.subject == "activation_memory_bytes"]
        assert peak.endswith(f"no slices, no tiles, {said}.")


def test_transformers_keeps_the_cache_in_the_format_that_the_model_runs_in() -> None:
    # gpt2 is stored in float32: 2 x 12 layers x 768 values x 4 bytes a token, in bfloat16 half of that
    assert calculate_memory("gpt2", engine="transformers", seq_length=1000).kv_cache_bytes == 2 * 12 * 768 * 4 * 1000
    half = calculate_memory("gpt2", engine="transformers", seq_length=1000, precision="bf16")
    assert half.kv_cache_bytes == 2 * 12 * 768 * 2 * 1000


def test_the_range_of_a_pipeline_is_its_engines() -> None:
    image, video = (
        engine_for("diffusers").spread(placed(name, engine_for("diffusers"))).activations
        for name in ("stabilityai/stable-diffusion-xl-base-1.0", "THUDM/CogVideoX-2b")
    )
    assert (image.low_share, image.high_share) == (-0.6, 0.8)
    assert (video.low_share, video.high_share) == (-0.3, 0.5)


# --- CTranslate2 ---------------------------------------------------------------------------------------------------


# faster-whisper's README (RTX 3070 Ti) and issue 1030 (RTX 2080 Ti), MB in all; 448 tokens alone, 64 in batches
@each(
    ("model", "kind", "batch", "seen_mb"),
    [
        ("openai/whisper-large-v2", "float16", 1, 4525),
        ("openai/whisper-large-v2", "float16", 8, 6090),
        ("openai/whisper-large-v2", "int8_float16", 1, 2926),
        ("openai/whisper-large-v2", "int8_float16", 8, 4500),
        ("openai/whisper-large-v3", "float16", 1, 4521),
        ("openai/whisper-large-v3", "int8_float16", 1, 2953),
        ("distil-whisper/distil-large-v3", "float16", 1, 2409),
        ("distil-whisper/distil-large-v3", "int8_float16", 1, 1481),
        ("openai/whisper-large-v3-turbo", "float16", 1, 2537),
        ("openai/whisper-large-v3-turbo", "int8_float16", 1, 1545),
    ],
)
def test_faster_whisper_by_whole_use_of_a_card(model: str, kind: str, batch: int, seen_mb: int) -> None:
    found = total(
        model,
        "RTX 3070 Ti",
        engine="ctranslate2",
        precision="fp16",
        batch_size=batch,
        seq_length=448 if batch == 1 else 64,
        engine_settings={"compute_type": kind},
    )
    assert found == pytest.approx(seen_mb * MB, rel=0.07)


# --- whisper.cpp ---------------------------------------------------------------------------------------------------


# Lines of whisper_init_state: kv self, kv cross and kv pad of one decoder, MB
@pytest.mark.parametrize(
    ("size", "printed_mb"),
    [
        ("tiny", (3.15, 9.44, 2.36)),
        ("base", (6.29, 18.87, 3.15)),
        ("small", (18.87, 56.62, 4.72)),
        ("medium", (50.33, 150.99, 6.29)),
        ("large-v3-turbo", (10.49, 31.46, 7.86)),
    ],
)
def test_whisper_cpp_prints_these_caches(size: str, printed_mb: tuple[float, ...]) -> None:
    engine = engine_for("whisper_cpp", beam_size=1)
    place = placed(f"openai/whisper-{size}", engine, "fp16")
    assert engine.kept_bytes(place, 448, 1500) == pytest.approx(sum(printed_mb) * MB, abs=0.02 * MB)


# The same of early 2024: 448 tokens of three decoders, 1,500 positions
@pytest.mark.parametrize(("size", "printed_mb"), [("base", (16.52, 18.43)), ("medium", (132.12, 147.46))])
def test_whisper_cpp_printed_those_before(size: str, printed_mb: tuple[float, ...]) -> None:
    engine = engine_for("whisper_cpp", "1.5.4")
    place = placed(f"openai/whisper-{size}", engine, "fp16")
    assert engine.kept_bytes(place, 448, 1500) == pytest.approx(sum(printed_mb) * MB, abs=0.02 * MB)


# compute buffers conv + encode + cross + decode, MB, as printed
@pytest.mark.parametrize(
    ("size", "fused", "printed_mb"),
    [
        ("base", False, 16.28 + 85.88 + 4.66 + 96.37),
        ("medium", True, 29.53 + 44.60 + 7.73 + 99.12),
        ("large-v3-turbo", False, 37.67 + 212.29 + 9.25 + 100.03),
    ],
)
def test_whisper_cpp_compute_buffers(size: str, fused: bool, printed_mb: float) -> None:
    engine = engine_for("whisper_cpp", flash_attn=fused)
    place = placed(f"openai/whisper-{size}", engine, "fp16")
    (found,) = engine.peaks(place, 1, 448, 1500).values()
    assert found == pytest.approx(printed_mb * MB, rel=0.02)


def test_whisper_cpp_weights_as_loaded() -> None:
    # "model size": large 3,094.49 MB, medium 1,533.14, base 147.37 in f16
    for size, printed in (("large-v3", 3094.49), ("medium", 1533.14), ("base", 147.37)):
        found = calculate_memory(
            f"openai/whisper-{size}", engine="whisper_cpp", precision="fp16", hardware="RTX 4090", seq_length=448
        )
        assert found.weight_memory_bytes + found.weight_padding_bytes == pytest.approx(printed * MB, rel=0.002)


# --- all -----------------------------------------------------------------------------------------------------------

SERVED = {
    "mlx": ("google/gemma-3-4b-it", "Qwen/Qwen3.5-35B-A3B", "deepseek-ai/DeepSeek-V3"),
    "exllama": ("google/gemma-3-4b-it", "meta-llama/Llama-3.1-8B"),
    "transformers": ("google/gemma-3-4b-it", "openai/whisper-small", "google-bert/bert-base-uncased"),
    "ctranslate2": ("openai/whisper-small", "meta-llama/Llama-3.1-8B"),
    "whisper_cpp": ("openai/whisper-small",),
}
CASES = [(engine, model) for engine, models in SERVED.items() for model in models]
TOLD: dict[str, dict[str, Any]] = {
    "mlx": {"kv_bits": 4},
    "exllama": {"cache_mode": "Q4"},
    "transformers": {"cache_implementation": "static", "attn_implementation": "eager", "max_cache_len": 300},
    "ctranslate2": {},
    "whisper_cpp": {"beam_size": 1},
}
numbers = some.lists(some.integers(1, 200_000), min_size=1, max_size=5)


@pytest.mark.parametrize(("name", "model"), CASES)
@given(tokens=numbers, sequences=some.integers(1, 64), told=some.booleans())
def test_a_sweep_equals_its_scalars(name: str, model: str, tokens: list[int], sequences: int, told: bool) -> None:
    engine = engine_for(name, **TOLD[name] if told else {})
    place = placed(model, engine)
    swept = numpy.array(tokens, dtype=numpy.float64)
    kept = numpy.broadcast_to(engine.kept_bytes(place, swept, 1500), swept.shape)
    peaks = engine.peaks(place, sequences, swept, 1500)
    for at, one in enumerate(tokens):
        assert kept[at] == pytest.approx(float(engine.kept_bytes(place, one, 1500)))
        for part, peak in engine.peaks(place, sequences, one, 1500).items():
            assert numpy.broadcast_to(peaks[part], swept.shape)[at] == pytest.approx(float(peak))


@pytest.mark.parametrize("name", LOCAL)
def test_every_setting_is_taken_by_its_own_name_and_no_other_is(name: str) -> None:
    with pytest.raises(ArgumentError, match="gpu_memory_utilization"):
        engine_for(name, gpu_memory_utilization=0.5)


@pytest.mark.parametrize(
    ("name", "model", "hardware"),
    [
        ("mlx", "meta-llama/Llama-3.1-8B", "M3 Max"),
        ("exllama", "meta-llama/Llama-3.1-8B", "RTX 4090"),
        ("transformers", "meta-llama/Llama-3.1-8B", "RTX 4090"),
        ("diffusers", "black-forest-labs/FLUX.1-dev", "A100_80GB"),
        ("ctranslate2", "openai/whisper-small", "RTX 4090"),
        ("whisper_cpp", "openai/whisper-small", "M3 Max"),
    ],
)
def test_the_tree_of_each_sums_to_its_total(name: str, model: str, hardware: str) -> None:
    found: MemoryReport = calculate_memory(model, engine=name, hardware=hardware, seq_length=448, detail="full")
    assert found.ledger is not None
    assert sum(line.value for line in found.ledger.parts) == pytest.approx(found.ledger.value, abs=10)
    assert found.startup is not None
    assert found.startup.conditions[0].name == "memory of the device"


def test_ollama_serves_what_its_library_has() -> None:
    # ollama.com/library: qwen3:30b-a3b is 19 GB, q4_K_M
    found = calculate_memory("qwen3-30b-a3b", hardware="RTX 4090", engine="ollama")
    assert found.precision == "q4_k_m"
    assert found.weight_memory_bytes == pytest.approx(18.6e9, rel=0.02)
    assert calculate_memory("qwen3-30b-a3b", hardware="H100", engine="ollama", precision="bf16").precision == "bf16"
    assert calculate_memory("llama3.1:8b-instruct-fp16", hardware="H100", engine="ollama").precision == "gguf_f16"
    config = load_model("Qwen/Qwen3-8B").config.values
    assert calculate_memory(dict(config), hardware="H100", engine="ollama").precision == "bf16"


def test_what_one_setting_mends_fits_with_it() -> None:
    # 0.6 GB of weights on a card of 8 GB, of which a desktop takes what 92 % leave
    found = calculate_memory("Qwen/Qwen3-0.6B", hardware="RTX 3070")
    assert found.verdict == "borderline"
    assert str(found).startswith("It fits on 1 x RTX_3070 with gpu_memory_utilization 0.85; as it stands")


def test_what_is_stored_in_32_bits_is_counted_as_the_device_s_engine_serves_it() -> None:
    # state-spaces/mamba-2.8b-hf is stored in float32; 2,768,345,600 parameters
    assert calculate_memory("state-spaces/mamba-2.8b-hf").weight_memory_bytes == 4 * 2_768_345_600
    assert calculate_memory("state-spaces/mamba-2.8b-hf", hardware="L4").precision == "bf16"
