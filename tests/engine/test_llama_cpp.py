"""llama.cpp and Ollama against the buffers and sums that they printed at start (MiB unless said)."""

from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import ArgumentError, MemoryReport, calculate_memory, load_model
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.engines.base import Engine, Place
from llm_memory_calculator.memory import judge, ledger
from llm_memory_calculator.memory.ledger import places
from llm_memory_calculator.parallel import Parallelism
from llm_memory_hardware import get_accelerator

MIB, GIB = 2**20, 2**30
LLAMA = "meta-llama/Meta-Llama-3-8B"
# XiongjieDai/GPU-Benchmarks-on-LLM-Inference, LLaMA 3: b2795 to b2837
PRINTED: dict[str, Any] = {"engine": "llama_cpp", "engine_version": "b2824", "precision": "q4_k_m", "seq_length": 8192}


def asked(model: str = LLAMA, **arguments: Any) -> MemoryReport:
    return calculate_memory(model, **arguments)


def weights(report: MemoryReport) -> float:
    return (report.weight_memory_bytes + report.weight_padding_bytes - report.host_memory_bytes) / MIB


def cache(report: MemoryReport) -> float:
    return (report.kv_cache_bytes + report.state_memory_bytes + report.cache_padding_bytes) / MIB


def deployment(engine: Engine, model: str = LLAMA, precision: str | None = "q4_k_m", stages: int = 1) -> Deployment:
    found = load_model(model)
    formats = found.formats(precision, None)
    return Deployment(model=found, formats=formats, engine=engine, layout=Parallelism(pipeline=stages))


def llama_cpp(version: str | None = "b2824", hardware: str = "RTX 4090", **settings: Any) -> Engine:
    return engine_for("llama_cpp", version, device_of(get_accelerator(hardware)), **settings)


def stages(engine: Engine, count: int, **arguments: Any) -> list[Place]:
    """The place of each stage."""
    return [
        place for place in places(deployment(engine, stages=count, **arguments)) for _ in range(place.holding.alike)
    ]


# --- one device ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hardware", ["RTX 3070", "RTX 3080 10GB", "RTX 4080", "A100 80GB", "M2 Ultra", "M3 Max"])
def test_buffers_of_llama_3_are_those_printed_on_cuda_and_metal(hardware: str) -> None:
    report = asked(hardware=hardware, **PRINTED)
    assert weights(report) == pytest.approx(4403.49, abs=0.02)
    assert cache(report) == 1024
    assert report.activation_memory_bytes == 560 * MIB
    assert report.verdict == "fits"
    (place,) = stages(llama_cpp(hardware=hardware), 1)
    assert llama_cpp(hardware=hardware).standing(place).host / MIB == pytest.approx(281.81, abs=0.01)


def test_half_precision_fails_by_the_compute_buffer_on_16_gb_and_runs_at_a_short_context() -> None:
    arguments = {**PRINTED, "precision": "f16", "hardware": "RTX 4080"}
    full, short = asked(**arguments), asked(**{**arguments, "seq_length": 1024})
    assert not full.fits_device
    assert full.startup is not None
    assert "failed to allocate compute buffers" in full.startup.message
    assert full.device_margin_bytes is not None
    assert -full.device_margin_bytes < full.activation_memory_bytes  # weights and cache alone have room
    assert short.verdict == "fits"


@pytest.mark.parametrize(
    ("model", "tokens", "precision", "version", "printed"),
    [
        # the law of Ollama's rows too, whose graph is llama.cpp's compute buffer: find_string 37039760191, 49245225699
        ("Qwen/Qwen2-7B", 8192, "q4_0", "b2824", 478.0),
        ("Qwen/Qwen2.5-1.5B", 8192, "q4_k_m", "b2824", 299.8),
        # find_string 23470265038: attention and feed-forward run beside each other, which the law has not
        ("microsoft/phi-2", 2048, "f16", "b2500", 162.0),
        # find_string 14084636058
        ("BAAI/bge-small-en-v1.5", 512, "f16", "b2500", 16.0),
        # logits alone, with flash attention: pull request 22171
        ("google/gemma-3-4b-it", 32_768, "f16", "b8900", 517.0),
    ],
)
def test_compute_buffer(model: str, tokens: int, precision: str, version: str, printed: float) -> None:
    report = asked(
        model, engine="llama_cpp", engine_version=version, precision=precision, seq_length=tokens, hardware="RTX 4090"
    )
    assert report.activation_memory_bytes / MIB == pytest.approx(printed, rel=0.07)


def test_scores_of_latent_attention_rule_the_compute_buffer_without_flash_attention() -> None:
    # ikawrakow/ik_llama.cpp issue 259: CUDA0 compute 8470, KV q8_0 1166.62 of 32,768
    settings = {"n_cpu_moe": 61, "ctk": "q8_0"}
    report = asked(
        "deepseek-ai/DeepSeek-R1", **{**PRINTED, "seq_length": 32_768}, hardware="H200", engine_settings=settings
    )
    assert report.activation_memory_bytes / MIB == pytest.approx(8470, rel=0.02)
    assert cache(report) == pytest.approx(1166.62, abs=0.01)


def test_gemma_s_tied_table_is_on_the_card_too_and_its_windows_are_rings() -> None:
    # pull request 22171, llama-fit-params of gemma-3-4b in f16 at 32,768: model 7401, context 814, host model 1280
    settings: dict[str, Any] = {"mmproj": False, "n_parallel": 1}
    report = asked(
        "google/gemma-3-4b-it",
        engine="llama_cpp",
        engine_version="b8900",
        precision="f16",
        seq_length=32_768,
        hardware="M3 Max",
        engine_settings=settings,
    )
    assert weights(report) == pytest.approx(7401, abs=1)
    assert cache(report) == 814
    engine = llama_cpp("b8900", "M3 Max", **settings)
    (place,) = stages(engine, 1, model="google/gemma-3-4b-it", precision="f16")
    assert engine.standing(place).host / MIB == pytest.approx(1280, abs=1)


def test_four_slots_of_a_newer_server_share_a_ring_of_four_windows() -> None:
    # llama-kv-cache-iswa.cpp: pad(1,024 x 4 + 512, 256) = 4,608, and 1,536 for one slot
    engine, alone = (llama_cpp("b8900", **settings) for settings in (dict[str, Any](), {"np": 1}))
    (place,) = stages(engine, 1, model="google/gemma-3-27b-it")
    window = 52 * 8192
    assert engine.kept_bytes(place, 32_768, 0) - alone.kept_bytes(place, 32_768, 0) == (4608 - 1536) * window
    assert llama_cpp("b8900", np=1, swa_full=True).kept_bytes(place, 32_768, 0) == 62 * 8192 * 32_768
    assert llama_cpp("b2824").kept_bytes(place, 32_768, 0) == 62 * 8192 * 32_768


def test_a_context_that_is_told_is_allocated_whole() -> None:
    report = asked(**{**PRINTED, "seq_length": 1024}, hardware="RTX 4090", engine_settings={"ctx-size": 8192})
    assert report.startup is not None
    assert report.startup.cache_tokens == 8192
    assert cache(report) == 1024
    assert report.activation_memory_bytes == 560 * MIB
    beyond = asked(**PRINTED, hardware="RTX 4090", engine_settings={"c": 4096})
    assert beyond.binding == "context of the sequences"
    assert beyond.startup is not None
    assert beyond.startup.starts


def test_slots_divide_a_context_and_it_is_held_once_for_all_of_them() -> None:
    engine = llama_cpp("b6000", n_ctx=32_768, np=4)
    (place,) = stages(engine, 1)
    held = [engine.held_bytes(place, sequences, 1024, 0) for sequences in (1, 4)]  # type: ignore[attr-defined]
    assert held == [4 * GIB, 4 * GIB]


def test_quantised_caches_take_eight_and_a_half_and_four_and_a_half_bits() -> None:
    (place,) = stages(llama_cpp(), 1)
    for types, bits in (("q8_0", 8.5), ("q4_0", 4.5)):
        engine = llama_cpp("b6325", ctk=types, ctv=types)
        assert engine.kept_bytes(place, 8192, 0) == GIB * bits / 16
    assert llama_cpp("b6325", cache_type_k="q8_0").kept_bytes(place, 8192, 0) == GIB * (8.5 + 16) / 32


@pytest.mark.parametrize(
    ("engine", "settings", "said"),
    [
        ("ollama", {"kv_cache_type": "q4_0"}, "q4_0"),
        ("ollama", {}, "fp16"),
        ("llama.cpp", {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}, "q8_0"),
        ("llama.cpp", {"cache_type_k": "q8_0"}, "q8_0/fp16"),
        ("exllamav2", {"cache_mode": "Q6"}, "q6"),
        ("mlx", {"kv_bits": 4}, "4-bit"),
        ("lmdeploy", {"quant_policy": 8}, "int8"),
    ],
)
def test_the_cache_is_said_to_be_in_the_format_that_a_setting_makes_it(
    engine: str, settings: dict[str, Any], said: str
) -> None:
    report = calculate_memory("meta-llama/Llama-3.1-8B", precision="fp16", engine=engine, engine_settings=settings)
    assert report.kv_precision == said
    assert f"fp16 weights, {said} KV cache" in str(report)


def test_newer_builds_mask_and_sample_with_less() -> None:
    # issue 23527, PRs 23764 and 23861: Qwen3.6-35B-A3B at 150,000, passes of 4,096: 3976 before, 1982 after both
    arguments = {
        "precision": "q4_k_m",
        "seq_length": 150_000,
        "hardware": "RTX 4090",
        "engine_settings": {"ub": 4096, "b": 4096, "ctk": "q8_0", "ctv": "q8_0", "ncmoe": 99, "mmproj": False, "np": 1},
    }
    before, after = (
        asked("Qwen/Qwen3.6-35B-A3B", engine="llama_cpp", engine_version=version, **arguments)
        for version in ("b9000", "b9430")
    )
    # beside the buffer stand a layer's keys and values in 16 bits, which CUDA's pool holds
    pool = 150_016 * 2 * 2 * 256 * 2
    assert (before.activation_memory_bytes - pool) / MIB == pytest.approx(3976, rel=0.07)
    assert after.activation_memory_bytes / MIB == pytest.approx(1982, rel=0.07)


def test_recurrent_states_are_float32_with_kernel_minus_one_columns() -> None:
    # llama-memory-recurrent.cpp: R (kernel - 1) x (inner + 2 x groups x state), S inner x state, both F32
    engine = llama_cpp("b8900", np=1)
    (place,) = stages(engine, 1, model="state-spaces/mamba2-2.7b", precision="f16")
    inner, state, layers = 5120, 128, 64
    assert engine.kept_bytes(place, 4096, 0) == layers * 4 * (3 * (inner + 2 * state) + inner * state)


# --- what lies on the host -----------------------------------------------------------------------------------------


def test_layers_that_stay_on_the_host_take_their_cache_along() -> None:
    engine = llama_cpp(ngl=20)
    (place,) = stages(engine, 1)
    assert engine.kept_bytes(place, 8192, 0) == 20 * GIB / 32
    # up to b7400 the head goes to the card last
    assert (
        engine.standing(place).host
        > llama_cpp(ngl=33).standing(place).host + 12 * place.holding.stack[0][1].stored_bytes
    )
    assert llama_cpp("b8900", ngl=20).kept_bytes(place, 8192, 0) == 19 * GIB / 32
    assert llama_cpp(no_kv_offload=True).kept_bytes(place, 8192, 0) == 0


def test_experts_of_the_first_layers_stay_on_the_host() -> None:
    engine, whole = llama_cpp("b8900", n_cpu_moe=34), llama_cpp("b8900")
    (place,) = stages(engine, 1, model="Qwen/Qwen3-30B-A3B", precision="f16")
    moved = engine.standing(place).host - whole.standing(place).host
    assert moved == 34 * 128 * 3 * 768 * 2048 * 2
    # tools/fit-params/README.md: 17,904 MiB of weights and 384 of cache at 4,096 on the card, of which some layers
    # overflow by parts; compute 898
    report = asked(
        "Qwen/Qwen3-30B-A3B",
        engine="llama_cpp",
        engine_version="b7400",
        precision="f16",
        seq_length=4096,
        hardware="RTX 4090",
        engine_settings={"ncmoe": 34, "np": 1},
    )
    assert weights(report) == pytest.approx(17_904, rel=0.04)
    assert cache(report) == 384
    assert report.activation_memory_bytes / MIB == pytest.approx(898, rel=0.08)


def test_a_cpu_holds_all() -> None:
    report = asked(**PRINTED, hardware="EPYC 9654")
    assert weights(report) == pytest.approx(4403.49 + 281.81, abs=0.05)
    assert report.extra_work_bytes == 0


def test_a_newer_server_moves_layers_to_the_host_by_itself() -> None:
    arguments = {"precision": "f16", "seq_length": 40_960, "hardware": "RTX 4090", "engine": "llama_cpp"}
    report = asked("Qwen/Qwen3-30B-A3B", engine_version="b7400", **arguments)
    assert report.startup is not None
    assert report.verdict == "does not fit"
    assert report.startup.starts
    # README of fit-params: projected to use 61,807 MiB
    assert (report.total_memory_bytes - report.extra_work_bytes) / MIB == pytest.approx(61_807, rel=0.01)
    told = asked("Qwen/Qwen3-30B-A3B", engine_version="b7400", **arguments, engine_settings={"ngl": 99})
    assert told.startup is not None
    assert not told.startup.starts


# --- several devices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "printed", "caches"),
    [
        # LLaMA 3/Gaming GPUs/3090_2_v3.ipynb and 4090_8_v3.ipynb
        (2, (2113.28, 2290.21), (544, 480)),
        (8, (647, 484, 484, 499, 484, 499, 499, 808), (160, 128, 128, 128, 128, 128, 128, 96)),
    ],
)
def test_devices_share_whole_layers(count: int, printed: tuple[float, ...], caches: tuple[int, ...]) -> None:
    engine = llama_cpp()
    found = list(places(deployment(engine, stages=count)))
    held = {place.holding.stage: place for place in found}
    depths = engine.stage_depths(32, count)
    assert depths == tuple(cache // 32 for cache in caches)
    for stage in (0, count - 1):
        place = held[stage]
        assert (place.holding.weights - engine.standing(place).host) / MIB == pytest.approx(printed[stage], abs=1)
        assert engine.kept_bytes(place, 8192, 0) == caches[stage] * MIB
        assert max(engine.peaks(place, 1, 8192, 0).values()) == 640 * MIB
    assert sum(
        place.holding.alike * (place.holding.weights - engine.standing(place).host) for place in found
    ) / MIB == (pytest.approx(4403.49, abs=0.1))


def test_matrices_split_by_rows_leave_the_cache_on_the_first_device() -> None:
    report = asked(**PRINTED, hardware="RTX 3090", tensor_parallel=2)
    assert cache(report) == 1024
    shared = asked(**PRINTED, hardware="RTX 3090", tensor_parallel=2, engine_settings={"sm": "tensor"})
    assert cache(shared) == 512


# --- Ollama --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "arguments", "settings", "required", "graph"),
    [
        # "memory.required.full" and "memory.graph.full" as printed, GiB and MiB, with the rows' find_string ids
        ("qwen2:7b", {"engine_version": "0.3.6", "hardware": "M1 Max"}, {"num_ctx": 8192}, 5.4, 478),  # 37039760191
        (
            "qwen2.5:1.5b",
            {"engine_version": "0.9.0", "memory_gb": 4},
            {"num_ctx": 4096, "num_parallel": 2},
            1.9,
            299.8,
        ),  # 49245225699
        (
            "gpt-oss:120b",
            {"engine_version": "0.11.10", "hardware": "MI300X"},
            {"num_ctx": 8192},
            62.4,
            122,
        ),  # 56930313189
        (
            "gemma3:27b",
            {"engine_version": "0.9.0", "hardware": "MI300X"},
            {"num_ctx": 4096, "num_parallel": 2},
            20.1,
            565,
        ),  # 3062398101
        (
            "mistral:7b",
            {"engine_version": "0.9.0", "hardware": "EPYC 9654"},
            {"num_ctx": 8192},
            5.8,
            560,
        ),  # 16886763421
        ("phi4:14b", {"engine_version": "0.5.4", "hardware": "RTX 4060"}, {"num_ctx": 2048}, 9.6, 266.7),  # 19789658215
    ],
)
def test_ollama_requires_what_it_printed(
    model: str, arguments: dict[str, Any], settings: dict[str, int], required: float, graph: float
) -> None:
    report = asked(model, engine="ollama", seq_length=settings["num_ctx"], engine_settings=settings, **arguments)
    assert report.total_memory_bytes / GIB == pytest.approx(required, rel=0.015)
    assert report.activation_memory_bytes / MIB == pytest.approx(graph, abs=0.1)


def test_what_does_not_fit_goes_to_the_cpu_and_nothing_is_refused() -> None:
    # find_string 19789658215: 6.9 GiB available, 29 of 41 layers on the card take 6.8 GiB
    arguments: dict[str, Any] = {"engine": "ollama", "engine_version": "0.5.4", "hardware": "RTX 4060"}
    told: dict[str, Any] = {"num_ctx": 2048, "total_gib": 6.9}
    report = asked("phi4:14b", seq_length=2048, engine_settings=told, **arguments)
    assert not report.fits_device
    assert report.startup is not None
    assert report.startup.starts
    assert report.startup.conditions[0].message.startswith("29 of 41 layers on the device")
    part = asked("phi4:14b", seq_length=2048, engine_settings={**told, "num_gpu": 29}, **arguments)
    assert part.total_memory_bytes / GIB == pytest.approx(6.8, abs=0.05)
    assert part.fits_device


def test_a_cpu_refuses_what_is_more_than_its_memory() -> None:
    report = asked("llama3.1:70b", engine="ollama", hardware="EPYC 9654", engine_settings={"total_gib": 16})
    assert report.startup is not None
    assert not report.startup.starts
    assert report.startup.message.startswith("model requires more system memory")


@pytest.mark.parametrize(
    ("version", "hardware", "context"),
    [
        ("0.5.4", "RTX 4090", 2048),
        ("0.9.0", "RTX 4090", 4096),
        # vram-based default context: 23.5 GiB -> 32768, 22.0 (L4) -> 4096, 47 and more -> 262144
        ("0.20.0", "RTX 4090", 32_768),
        ("0.20.0", "L4", 4096),
        ("0.33.2", "H100", 262_144),
    ],
)
def test_default_context_of_ollama(version: str, hardware: str, context: int) -> None:
    engine = engine_for("ollama", version, device_of(get_accelerator(hardware)))
    assert engine.settings["num_ctx"] == context
    (place,) = stages(engine, 1)
    # as long as the model was trained for, at most; what is asked where that is said, as the line that starts it does
    assert engine.own_length(place.architecture) == min(context, 8192)
    assert engine.kept_bytes(place, 256, 0) == 256 * 131_072


# --- names and versions --------------------------------------------------------------------------------------------


def test_settings_go_by_every_name_that_the_command_line_has() -> None:
    short = llama_cpp("b6325", c=4096, np=2, b=1024, ub=256, ngl=10, ncmoe=1, fa="on", ctk="q8_0", ctv="q8_0", sm="row")
    assert short.settings["n_ctx"] == 4096
    assert short.settings["n_parallel"] == 2
    assert short.settings["flash_attn"] == "on"
    with pytest.raises(ArgumentError, match="n_ubatch"):
        llama_cpp(n_ubach=1)
    with pytest.raises(ArgumentError, match="q8_0"):
        llama_cpp(ctk="q9_0")


def test_a_build_is_a_release() -> None:
    assert llama_cpp("b6325").settings["flash_attn"] == "auto"
    assert llama_cpp("b6324").settings["flash_attn"] == "off"
    assert llama_cpp("6325").notes == ()


# --- sweeps --------------------------------------------------------------------------------------------------------

MODELS = [
    LLAMA,
    "google/gemma-3-27b-it",
    "deepseek-ai/DeepSeek-V3",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3-Next-80B-A3B-Instruct",
]


@given(
    model=st.sampled_from(MODELS),
    engine=st.sampled_from(["llama_cpp", "ollama"]),
    version=st.sampled_from([None, "old"]),
    batches=st.lists(st.integers(1, 64), min_size=1, max_size=4),
    lengths=st.lists(st.integers(1, 200_000), min_size=1, max_size=4),
)
def test_arrays_equal_scalars(
    model: str, engine: str, version: str | None, batches: list[int], lengths: list[int]
) -> None:
    card = get_accelerator("RTX 4090")
    release = {"llama_cpp": "b2824", "ollama": "0.3"}[engine] if version else None
    placed = deployment(engine_for(engine, release, device_of(card)), model, None)
    loads = [(batch, length) for batch in batches for length in lengths]
    swept = Load(
        sequences=numpy.array([float(batch) for batch, _ in loads]),
        tokens=numpy.array([float(length) for _, length in loads]),
    )
    need = ledger(placed, swept)
    margins = judge(placed, swept, need, card.usable_memory_bytes).margin_bytes
    for index, (batch, length) in enumerate(loads):
        load = Load(sequences=batch, tokens=length)
        one = ledger(placed, load)
        assert need.total[index] == pytest.approx(one.total, abs=2)
        assert margins[index] == pytest.approx(judge(placed, load, one, card.usable_memory_bytes).margin_bytes, abs=2)
