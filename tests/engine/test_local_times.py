"""Times of local engines against published measurements and physical limits."""

from dataclasses import replace
from typing import Any

import numpy
import pytest

from llm_memory_calculator import LayoutError, calculate_memory, estimate_performance, load_model
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.performance.local import class_of
from llm_memory_calculator.performance.phases import decode_time, prefill_time
from llm_memory_calculator.report import EndToEndReport
from llm_memory_hardware import Accelerator, get_accelerator

from ..rows import each

# llama-bench tg N with nothing before it (decode tokens/s), as published:
# [X] XiongjieDai/GPU-Benchmarks-on-LLM-Inference README, builds of May 2024; [D] llama.cpp benches/dgx-spark and
# benches/mac-m2-ultra, build 7941 and 7948; [T] llama.cpp tools/llama-bench README, build 5163; [P] llama.cpp pull
# request 26284; [L] lhl/strix-halo-testing, build 6077; [N] llama.cpp issue 14903
DECODED = [
    ("RTX 3090", "meta-llama/Meta-Llama-3-8B", "q4_k_m", "b2795", "", 512, 115.42),  # [X]
    ("RTX 3090", "meta-llama/Meta-Llama-3-8B", "fp16", "b2795", "", 512, 47.40),  # [X]
    ("RTX 4080", "meta-llama/Meta-Llama-3-8B", "q4_k_m", "b2795", "", 512, 108.15),  # [X]
    ("A100 SXM 80GB", "meta-llama/Meta-Llama-3-8B", "fp16", "b2795", "", 512, 53.49),  # [X]
    ("M2 Ultra", "meta-llama/Meta-Llama-3-70B", "q4_k_m", "b2795", "", 512, 12.48),  # [X]
    ("M1 Max", "meta-llama/Meta-Llama-3-8B", "fp16", "b2795", "", 512, 18.75),  # [X]
    ("GB10", "Qwen/Qwen2.5-Coder-7B", "q8_0", "b7941", "", 32, 29.43),  # [D]
    ("GB10", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "q8_0", "b7941", "", 32, 61.06),  # [D]
    ("M2 Ultra", "Qwen/Qwen2.5-Coder-7B", "q8_0", "b7948", "", 32, 79.68),  # [D]
    ("M2 Ultra", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "q8_0", "b7948", "", 32, 78.97),  # [D]
    ("RTX 4080", "Qwen/Qwen2.5-7B-Instruct", "q4_k_m", "b5163", "", 128, 120.60),  # [T]
    ("RX 7900 XTX", "meta-llama/Llama-3.1-8B", "q4_k_m", None, "", 64, 105.81),  # [P]
    ("Ryzen AI Max+ 395", "meta-llama/Llama-2-7b-hf", "q4_0", "b6077", "rocm", 128, 48.97),  # [L]
    ("Ryzen AI Max+ 395", "Qwen/Qwen3-30B-A3B", "q4_k_m", "b6077", "vulkan", 128, 72.57),  # [L]
    ("RTX 5090", "meta-llama/Llama-3.2-3B-Instruct", "q8_0", "b6077", "vulkan", 128, 271.33),  # [N]
]

# llama.cpp discussion 15013, tg128 of Llama-2-7B in q4_0 without flash attention, 2025
SCORED = [
    ("RTX 5090", 290.02),
    ("RTX 4090", 186.21),
    ("RTX 3090", 158.16),
    ("RTX 4080", 142.49),
    ("RTX A6000", 138.73),
    ("A30", 124.81),
    ("RTX 5060 Ti 16GB", 90.94),
    ("RTX 3060 12GB", 75.57),
    ("Tesla P40", 54.74),
]

# llama.cpp discussion 4167, tg128 of Llama-2-7B, build 8e672ef of November 2023; pp512 in q4_0
ON_APPLE = [
    ("M2", "fp16", 6.72),
    ("M2", "q4_0", 21.91),
    ("M3 Pro", "q8_0", 17.53),
    ("M4 Pro", "q4_0", 50.74),
    ("M4 Max", "q4_0", 83.06),
    ("M4 Max", "fp16", 31.64),
    ("M2 Ultra", "q4_0", 94.27),
    ("M2 Ultra", "q8_0", 66.64),
]
PROMPTS_ON_APPLE = [("M2 Pro", 294.24), ("M2 Ultra", 1238.48), ("M3 Pro", 341.67), ("M4", 221.29), ("M4 Max", 885.68)]

# exllamav2's README, tokens/s on an RTX 3090 Ti and an RTX 4090 as of 0.1.0
EXLLAMAV2 = [
    ("meta-llama/Llama-2-7b-hf", "4.0bpw", 179, 207),
    ("meta-llama/Llama-2-7b-hf", "3.0bpw", 211, 245),
    ("meta-llama/Llama-2-7b-hf", "5.0bpw", 159, 170),
    ("meta-llama/Llama-2-70b-hf", "2.5bpw", 33, 37),
    ("meta-llama/Llama-2-7b-hf", "gptq", 177, 198),
]

# llama-bench pp N (prompt tokens/s) of the same sources; mlx-lm's BENCHMARKS.md, 0.28.2 [M]
PREFILLED = [
    ("RTX 3090", "meta-llama/Meta-Llama-3-8B", "q4_k_m", "llama_cpp", "b2795", 512, 4030.40),  # [X]
    ("RTX 3090", "meta-llama/Meta-Llama-3-8B", "fp16", "llama_cpp", "b2795", 512, 4444.65),  # [X]
    ("M2 Ultra", "meta-llama/Meta-Llama-3-70B", "fp16", "llama_cpp", "b2795", 512, 147.58),  # [X]
    ("M1 Max", "meta-llama/Meta-Llama-3-8B", "q4_k_m", "llama_cpp", "b2795", 512, 408.23),  # [X]
    ("RX 7900 XTX", "meta-llama/Llama-3.1-8B", "q4_k_m", "llama_cpp", None, 2048, 3390.81),  # [P]
    ("Ryzen AI Max+ 395", "meta-llama/Llama-2-7b-hf", "q4_0", "llama_cpp", "b6077", 512, 1091.81),  # [L]
    ("M4 Max", "Qwen/Qwen3-4B-Instruct-2507", "mlx_4bit", "mlx", "0.28.2", 2048, 1610.03),  # [M]
    ("M4 Max", "Qwen/Qwen3-30B-A3B-Instruct-2507", "mlx_8bit", "mlx", "0.28.2", 2048, 1719.47),  # [M]
]


@each(("hardware", "model", "precision", "version", "backend", "tokens", "measured"), DECODED)
def test_decode_is_in_the_range_of_what_was_published(
    hardware: str, model: str, precision: str, version: str | None, backend: str, tokens: int, measured: float
) -> None:
    report = estimate_performance(
        model,
        hardware,
        precision=precision,
        engine="llama_cpp",
        engine_version=version,
        engine_settings={"backend": backend} if backend else None,
        input_tokens=1,
        output_tokens=tokens,
    )
    assert report.tpot_interval_ms is not None
    assert report.tpot_interval_ms.low <= 1e3 / measured <= report.tpot_interval_ms.high


@each(("hardware", "measured"), SCORED)
def test_decode_of_q4_0_is_near_the_scoreboard(hardware: str, measured: float) -> None:
    asked: dict[str, Any] = {"precision": "q4_0", "engine": "llama_cpp", "input_tokens": 1, "output_tokens": 128}
    report = estimate_performance("meta-llama/Llama-2-7b-hf", hardware, **asked)
    assert report.tpot_ms == pytest.approx(1e3 / measured, rel=0.15)
    assert report.tpot_interval_ms is not None
    assert report.tpot_interval_ms.low <= 1e3 / measured <= report.tpot_interval_ms.high


@each(("hardware", "precision", "measured"), ON_APPLE)
def test_decode_of_2023_is_near_the_table_of_all_chips(hardware: str, precision: str, measured: float) -> None:
    asked: dict[str, Any] = {"engine": "llama_cpp", "engine_version": "2023-11-25"}
    report = estimate_performance(
        "meta-llama/Llama-2-7b-hf", hardware, precision=precision, input_tokens=1, output_tokens=128, **asked
    )
    assert report.tpot_ms == pytest.approx(1e3 / measured, rel=0.1)


@pytest.mark.parametrize(("hardware", "measured"), PROMPTS_ON_APPLE)
def test_prefill_of_2023_is_near_the_table_of_all_chips(hardware: str, measured: float) -> None:
    asked: dict[str, Any] = {"engine": "llama_cpp", "engine_version": "2023-11-25", "precision": "q4_0"}
    report = estimate_performance("meta-llama/Llama-2-7b-hf", hardware, input_tokens=512, output_tokens=1, **asked)
    assert report.ttft_ms == pytest.approx(512e3 / measured, rel=0.18)


@each("version", [None, "0.1", "0.3", "2024-06"])
@each(("model", "precision", "on_3090_ti", "on_4090"), EXLLAMAV2)
def test_exllamav2_is_as_its_readme_has_it(
    model: str, precision: str, on_3090_ti: float, on_4090: float, version: str | None
) -> None:
    asked: dict[str, Any] = {"engine": "exllama", "engine_version": version, "input_tokens": 1, "output_tokens": 128}
    for hardware, measured in (("RTX 3090 Ti", on_3090_ti), ("RTX 4090", on_4090)):
        report = estimate_performance(model, hardware, precision=precision, **asked)
        assert report.tpot_ms == pytest.approx(1e3 / measured, rel=0.15)


def test_exl3_is_counted_by_the_release_that_loads_it() -> None:
    def tpot(precision: str, version: str | None) -> float:
        asked: dict[str, Any] = {"engine": "exllama", "input_tokens": 1, "output_tokens": 128}
        return estimate_performance(
            "meta-llama/Llama-2-7b-hf", "RTX 3090", precision=precision, engine_version=version, **asked
        ).tpot_ms

    newest = tpot("exl3_4.0bpw", None)
    assert newest == tpot("exl3_4.0bpw", "1.0") == tpot("exl3_4.0bpw", "0.0.43")
    assert tpot("exl2_4.0bpw", None) < 0.7 * newest


@each(("hardware", "model", "precision", "engine", "version", "tokens", "measured"), PREFILLED)
def test_prefill_is_in_the_range_of_what_was_published(
    hardware: str, model: str, precision: str, engine: str, version: str | None, tokens: int, measured: float
) -> None:
    report = estimate_performance(
        model,
        hardware,
        precision=precision,
        engine=engine,
        engine_version=version,
        input_tokens=tokens,
        output_tokens=1,
    )
    low, high = report.ttft_interval_ms.low, report.ttft_interval_ms.high
    assert low <= tokens / measured * 1e3 <= high


# Qwen3-30B-A3B IQ4_XS on an RTX 4080 beside a 7950X (ikawrakow/ik_llama.cpp): experts of so many layers on the host
@pytest.mark.parametrize(("layers", "measured"), [(48, 34.4), (18, 77.4)])
def test_experts_on_the_host_take_the_time_of_its_memory(layers: int, measured: float) -> None:
    report = with_experts_on_the_host(layers, 512, 64)
    assert report.tpot_ms == pytest.approx(1e3 / measured, rel=0.15)
    assert any("83.2 GB/s as assumed" in note.text for note in report.notes)


# 2,048 tokens of the same, seconds by tokens of a pass: the experts cross the link once a pass
@pytest.mark.parametrize(("micro_batch", "measured_s"), [(512, 4.26), (1024, 2.29), (2048, 1.32)])
def test_experts_on_the_host_cross_the_link_once_a_pass(micro_batch: int, measured_s: float) -> None:
    report = with_experts_on_the_host(48, micro_batch, 2048)
    assert report.ttft_ms == pytest.approx(measured_s * 1e3, rel=0.4)


def with_experts_on_the_host(layers: int, micro_batch: int, tokens: int) -> EndToEndReport:
    return estimate_performance(
        "Qwen/Qwen3-30B-A3B",
        "RTX 4080",
        precision="iq4_xs",
        engine="llama_cpp",
        engine_settings={"n_cpu_moe": layers, "n_ubatch": micro_batch},
        input_tokens=tokens,
        output_tokens=128,
    )


def test_a_faster_host_is_quicker_and_layers_on_it_slower() -> None:
    def tpot(**settings: int) -> float:
        report = estimate_performance(
            "llama3.1_8b", "RTX 4070", precision="q4_k_m", engine="llama_cpp", engine_settings=settings
        )
        assert report.tpot_ms is not None
        return report.tpot_ms

    assert tpot() == tpot(n_gpu_layers=33) < tpot(n_gpu_layers=20) < tpot(n_gpu_layers=10)
    assert tpot(n_gpu_layers=10, host_bandwidth_gb_s=300) < tpot(n_gpu_layers=10, host_bandwidth_gb_s=50)


def test_a_processor_takes_its_time_whether_a_card_stands_beside_it_or_not() -> None:
    def rate(hardware: str, model: str, precision: str, **settings: float) -> float:
        asked: dict[str, Any] = {"engine": "llama_cpp", "input_tokens": 1, "output_tokens": 128}
        return (
            1e3 / estimate_performance(model, hardware, precision=precision, engine_settings=settings, **asked).tpot_ms
        )

    alone = rate("Ryzen 9 7950X", "meta-llama/Llama-2-70b-hf", "q4_k_m")
    beside = rate("RTX 4090", "meta-llama/Llama-2-70b-hf", "q4_k_m", n_gpu_layers=0, host_bandwidth_gb_s=83.2)
    assert beside == pytest.approx(alone, rel=0.03)
    # llama.cpp issue 34: 13900K with DDR5-6400, eight threads
    measured = 18.27
    found = rate("RTX 4090", "meta-llama/Llama-2-7b-hf", "q4_0", n_gpu_layers=0, host_bandwidth_gb_s=102.4)
    assert found == pytest.approx(measured, rel=0.1)


def test_a_backend_changes_times_alone() -> None:
    settings = {"backend": "vulkan"}
    plain = calculate_memory("llama3.1_8b", precision="q4_k_m", engine="llama_cpp", hardware="RTX 4090")
    other = calculate_memory(
        "llama3.1_8b", precision="q4_k_m", engine="llama_cpp", hardware="RTX 4090", engine_settings=settings
    )
    assert other.total_memory_bytes == plain.total_memory_bytes
    with pytest.raises(LayoutError, match="no backend 'metal' on RTX_4090; accepted: cuda, vulkan"):
        estimate_performance("llama3.1_8b", "RTX 4090", engine="llama_cpp", engine_settings={"backend": "metal"})


DEVICES = ["RTX_4090", "RTX_3060", "GTX_1080", "H100_SXM", "GB10", "V100_32GB", "RX_7900_XTX", "Ryzen_AI_Max_Plus_395"]
DEVICES += ["Apple_M1", "Apple_M2_Ultra", "Apple_M5_Max", "Ryzen_9_7950X", "Arc_B580", "Jetson_T4000", "MI300X"]


@each("hardware", DEVICES)
@each("precision", ["q4_k_m", "q8_0", "bf16", "iq2_xs"])
def test_nothing_beats_the_roofline(hardware: str, precision: str) -> None:
    for model, batch in (("meta-llama/Llama-3.2-1B", 1), ("meta-llama/Llama-3.2-1B", 64), ("Qwen/Qwen3-0.6B", 2)):
        report = estimate_performance(model, hardware, precision=precision, engine="llama_cpp", batch_size=batch)
        for phase in (report.prefill_phase, report.decode_phase):
            assert phase is not None
            assert 0 < phase.compute_share < 1
            assert 0 < phase.bandwidth_share < 1


def timed(name: str, engine: str, accelerator: Accelerator, load: Load, **settings: int) -> tuple[object, object]:
    model = load_model(name)
    deployment = Deployment(
        model=model,
        formats=model.formats("mlx_4bit" if engine == "mlx" else "q4_k_m", None),
        engine=engine_for(engine, device=device_of(accelerator), **settings),
        accelerator=accelerator,
        layout=Parallelism(),
    )
    return prefill_time(deployment, load).total, decode_time(deployment, load).total


KINDS = [
    ("llama3.1_8b", "llama_cpp", "RTX_4090", {}),
    ("Qwen/Qwen3-30B-A3B", "llama_cpp", "RTX_4090", {}),
    ("Qwen/Qwen3-30B-A3B", "llama_cpp", "RTX_4080", {"n_cpu_moe": 20}),
    ("deepseek-ai/DeepSeek-V2-Lite", "llama_cpp", "Ryzen_AI_Max_Plus_395", {"n_gpu_layers": 12}),
    ("Qwen/Qwen3-30B-A3B", "mlx", "Apple_M2_Ultra", {}),
    ("llama3.1_8b", "ollama", "Ryzen_9_7950X", {}),
]


@pytest.mark.parametrize(("name", "engine", "hardware", "settings"), KINDS)
def test_sweeps_equal_their_scalars_and_more_work_takes_longer(
    name: str, engine: str, hardware: str, settings: dict[str, int]
) -> None:
    accelerator = get_accelerator(hardware)
    users = numpy.array([1.0, 2, 3, 8, 31, 32, 33, 64, 200])
    depths = numpy.array([1.0, 100, 511, 512, 513, 4096, 20_000])
    for count in (1, 5):
        by_depth = timed(name, engine, accelerator, Load(sequences=count, tokens=depths, output=64), **settings)
        for swept, alone in zip(
            by_depth,
            zip(
                *(
                    timed(name, engine, accelerator, Load(sequences=count, tokens=int(depth), output=64), **settings)
                    for depth in depths
                ),
                strict=True,
            ),
            strict=True,
        ):
            assert numpy.allclose(swept, alone, rtol=1e-9)
            assert numpy.all(numpy.diff(swept) >= 0)
    by_users = timed(name, engine, accelerator, Load(sequences=users, tokens=1000, output=64), **settings)
    for swept in by_users:
        assert numpy.all(numpy.diff(swept) >= 0)
    wider = replace(accelerator, memory_bandwidth=1.5 * accelerator.memory_bandwidth)
    load = Load(sequences=users, tokens=1000, output=64)
    for swept, slower in zip(timed(name, engine, wider, load, **settings), by_users, strict=True):
        assert numpy.all(swept <= slower)


def test_routers_in_float32_run_where_no_such_rate_is_known() -> None:
    # no fp32 peak is published of a TPU v5e; the router of Mixtral is kept in float32
    report = estimate_performance("mixtral_8x7b", "TPUv5e", precision="int8", tensor_parallel=8)
    assert report.tpot_ms is not None
    custom = {"Flops": 100, "Memory_size": 80, "Memory_BW": 1000}
    assert estimate_performance("mixtral_8x7b", custom, precision="q4_k_m").tpot_interval_ms is not None


def test_ranges_say_whether_the_device_was_measured() -> None:
    def evidence(hardware: object) -> str:
        report = estimate_performance("meta-llama/Llama-3.2-1B", hardware, precision="q4_k_m", engine="llama_cpp")  # type: ignore[arg-type]
        return report.ttft_interval_ms.evidence

    assert evidence("RTX 4090") == "llama.cpp's CUDA measured on 24 devices"
    assert "left out" in evidence("RTX 3060")
    assert evidence({"Flops": 100, "Memory_size": 24, "Memory_BW": 1000}).startswith("no measurement")


def test_a_mixture_on_two_dies_says_why_it_is_slower() -> None:
    def asked(hardware: str) -> EndToEndReport:
        return estimate_performance(
            "Qwen/Qwen3-30B-A3B", hardware, precision="mlx_4bit", engine="mlx", input_tokens=64, output_tokens=512
        )

    # LM Studio on MLX, Qwen3-Coder-30B-A3B in 4 bits: 92 and 94 tokens/s on M3 Ultra, 107 on M4 Max
    ultra, plain = asked("M3 Ultra"), asked("M4 Max")
    assert ultra.tpot_ms == pytest.approx(1e3 / 93, rel=0.1)
    assert plain.tpot_ms == pytest.approx(1e3 / 107, rel=0.1)
    assert ultra.tpot_interval_ms is not None
    assert plain.tpot_interval_ms is not None
    assert "two dies" in ultra.tpot_interval_ms.evidence
    assert "two dies" not in plain.tpot_interval_ms.evidence


def test_classes_of_bits_are_those_of_the_files() -> None:
    model = load_model("llama3.1_8b")
    form = model.formats("q4_k_m", None).scheme.quantized
    assert form is not None
    assert class_of(form) == "4"


def range_of(hardware: str, model: str, **asked: str) -> tuple[float, float]:
    """The ends of a token's time over the estimate."""
    settings = {"fit": "off"} if asked.get("engine") == "llama_cpp" else None
    report = estimate_performance(model, hardware, input_tokens=1, output_tokens=65, engine_settings=settings, **asked)
    interval = report.tpot_interval_ms
    assert interval is not None
    assert report.tpot_ms is not None
    return interval.low / report.tpot_ms, interval.high / report.tpot_ms


def test_a_design_that_only_builds_of_2024_were_measured_on() -> None:
    # argonne-lcf/LLM-Inference-Bench 4211f5d4: Llama-2-7B in 16 bits on MI300X, a token a pass, 71.5 a second
    asked = {"engine": "llama_cpp", "precision": "fp16"}
    report = estimate_performance(
        "meta-llama/Llama-2-7b-hf", "MI300X", input_tokens=1, output_tokens=257, engine_version="b2900", **asked
    )
    assert report.tpot_ms == pytest.approx(1e3 / 71.5, rel=0.2)
    # of what came later nothing is known, and the range has both
    assert range_of("MI300X", "meta-llama/Llama-2-7b-hf", **asked)[1] > 4


def test_a_range_of_a_phase_stands_for_kinds_that_it_does_not_name() -> None:
    # Vulkan's range of mixtures is none of SYCL's, which takes its times
    assert range_of("Arc A770", "Qwen/Qwen3-30B-A3B", engine="llama_cpp", precision="iq2_xxs")[1] == pytest.approx(2.0)


def test_ollama_has_a_range_of_its_own() -> None:
    # AlexHiesch/apple-silicon-llm-bench c230ae4: Qwen3.6-27B Q4_K_M on an M3 Max, 13.2 tokens a second
    report = estimate_performance(
        "Qwen/Qwen3.6-27B", "M3 Max 64GB", precision="q4_k_m", engine="ollama", input_tokens=32, output_tokens=171
    )
    interval = report.tpot_interval_ms
    assert interval is not None
    assert interval.low <= 1e3 / 13.2 <= interval.high
    assert "Ollama" in interval.evidence


def test_tokens_at_a_depth_on_mlx() -> None:
    # the same source: Qwen3-32B in 4 bits with mlx-lm 0.31.2, 10.4 tokens a second at 32,645 tokens
    report = estimate_performance(
        "Qwen/Qwen3-32B",
        "M3 Max 64GB",
        precision="mlx_4bit",
        engine="mlx",
        input_tokens=1,
        output_tokens=511,
        depth=32645,
    )
    assert report.decode_tokens_per_s == pytest.approx(10.4, rel=0.12)


# --- a part on the host --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("meta-llama/Llama-3.1-70B", {"n_gpu_layers": 30}),
        ("Qwen/Qwen3-235B-A22B", {"n_cpu_moe": 90}),
        ("openai/gpt-oss-120b", {"n_cpu_moe": 30}),
    ],
)
@pytest.mark.parametrize("load", [{}, {"concurrency": 2}], ids=["static", "served"])
def test_who_leaves_a_part_on_the_host_has_one_device(
    model: str, setting: dict[str, Any], load: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {"engine": "llama_cpp", "precision": "q4_k_m", "engine_settings": setting, **load}
    report = estimate_performance(model, "RTX 4090", **asked)
    assert report.devices == 1
    assert any(note.subject == "devices" and next(iter(setting)) in note.text for note in report.notes)
    assert estimate_performance(model, "RTX 4090", devices=2, **asked).devices == 2


def test_who_has_all_layers_on_the_devices_has_as_many_as_hold_them() -> None:
    for setting in ({}, {"n_gpu_layers": 99}, {"n_gpu_layers": -1}, {"n_cpu_moe": 0}):
        report = estimate_performance(
            "meta-llama/Llama-3.1-70B", "RTX 4090", engine="llama_cpp", precision="q4_k_m", engine_settings=setting
        )
        assert report.devices > 1
