"""Devices whose memory is the host's: what an engine leaves to the host is in that memory too."""

from typing import Any

import pytest

from llm_memory_calculator import DoesNotFitError, calculate_memory, estimate_performance, get_accelerator
from llm_memory_calculator.engines.device import device_of
from llm_memory_calculator.report import MemoryReport


def on_the_host(hardware: str, layers: int) -> MemoryReport:
    """70B in q4_k_m with so many layers on the device."""
    return calculate_memory(
        "llama3.1_70b",
        hardware=hardware,
        engine="llama_cpp",
        precision="q4_k_m",
        engine_settings={"n_gpu_layers": layers},
    )


# A Mac, a DGX Spark, a Jetson and an APU of 96 GB and less have one memory, and 70B in q4_k_m is 42.5 GB.
@pytest.mark.parametrize("hardware", ["M4 16GB", "Jetson_Orin_NX_16GB", "Apple_M4_Max_32_core"])
@pytest.mark.parametrize("layers", [0, 10, 80])
def test_layers_on_the_host_take_the_same_memory(hardware: str, layers: int) -> None:
    report = on_the_host(hardware, layers)
    assert report.verdict == "does not fit"
    assert not report.fits_device
    assert all("offload" not in one.change and one.kind != "share" for one in report.remedies)


def test_a_card_of_its_own_memory_is_not_asked_for_the_hosts_part() -> None:
    report = on_the_host("RTX 4090", 0)
    assert report.verdict == "fits"


def test_offload_mends_nothing_where_the_host_has_no_other_memory() -> None:
    report = calculate_memory("FLUX.1-dev", hardware="M4 16GB", engine_settings={"offload": "sequential"})
    assert report.verdict == "does not fit"
    report = calculate_memory("stabilityai/stable-diffusion-3.5-large", hardware="M4 16GB")
    assert "offload" not in {one.kind for one in report.remedies}


def test_what_both_have_together_is_what_is_left() -> None:
    asked: dict[str, Any] = {"engine": "llama_cpp", "precision": "q4_k_m", "hardware": "M4 16GB"}
    few, all_of_them = (
        calculate_memory("llama3.1_8b", **asked, engine_settings={"n_gpu_layers": layers}) for layers in (4, 24)
    )
    assert few.verdict == all_of_them.verdict == "fits"
    # layers that move from one side to the other free nothing but what each side keeps beside them
    assert few.device_margin_bytes == pytest.approx(all_of_them.device_margin_bytes, abs=0.3e9)


def test_times_are_refused_where_both_parts_are_more_than_there_is() -> None:
    with pytest.raises(DoesNotFitError, match="in the same memory of"):
        estimate_performance(
            "llama3.1_70b",
            hardware="M4 16GB",
            engine="llama_cpp",
            precision="q4_k_m",
            engine_settings={"n_gpu_layers": 10},
        )


def test_a_card_with_lpddr_behind_a_link_has_its_own() -> None:
    assert not device_of(get_accelerator("MTIA_v2")).unified
    assert device_of(get_accelerator("GB10")).unified


def test_a_cache_on_the_host_is_a_part_of_its_own() -> None:
    report = on_the_host("RTX 4090", 0)
    # 80 layers x 8 heads x 128 x keys and values x 2,048 tokens x 2 bytes, none of it on the device
    assert report.kv_cache_bytes == report.host_cache_bytes == 80 * 8 * 128 * 2 * 2048 * 2
    assert report.cache_padding_bytes == 0


@pytest.mark.parametrize(
    ("model", "engine", "hardware"),
    [
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "llama_cpp", "RTX_4090"),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "lmdeploy", "V100_32GB"),
    ],
)
@pytest.mark.parametrize("sequences", [1, 64])
def test_nothing_that_is_kept_is_below_nothing(model: str, engine: str, hardware: str, sequences: int) -> None:
    report = calculate_memory(model, hardware=hardware, engine=engine, batch_size=sequences)
    assert min(report.kv_cache_bytes, report.state_memory_bytes, report.cache_padding_bytes) >= 0
    assert sum(size for _, size in report.parts()) == report.total_memory_bytes


def test_the_device_whose_host_keeps_layers_is_the_one_that_is_judged() -> None:
    # 70 of 80 layers in bf16, 120 GB, are on the host of the first of several, whose one memory is 130.7 GB
    asked: dict[str, Any] = {"hardware": "GB10", "engine": "llama_cpp", "precision": "bf16", "devices": 2}
    report = calculate_memory("llama3.1_70b", **asked, engine_settings={"n_gpu_layers": 4})
    assert report.host_memory_bytes > 130.7e9
    assert (report.verdict, report.fits_device) == ("does not fit", False)
