"""Memory that is fitted to order: the catalogue has the most, a name with the size has that size."""

from __future__ import annotations

import pytest

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    UnknownHardwareError,
    all_accelerators,
    find_accelerator,
    find_devices,
    get_accelerator,
)


@pytest.mark.parametrize(
    ("typed", "canonical", "memory_gb", "count"),
    [
        ("M4 Max 128GB", "Apple_M4_Max", 128, None),
        ("M4 Max 64 GB", "Apple_M4_Max", 64, None),
        ("Apple M2 Ultra 192GB", "Apple_M2_Ultra", 192, None),
        ("m2-ultra-64gb", "Apple_M2_Ultra", 64, None),
        ("EPYC 9654 768GB", "EPYC_9654", 768, None),
        ("AMD EPYC 9654 1.5TB", "EPYC_9654", 1500, None),
        ("2x EPYC 9654 768GB", "EPYC_9654", 768, 2),
        ("EPYC 9654 768GB x2", "EPYC_9654", 768, 2),
        ("Apple M3 Ultra (256 GB)", "Apple_M3_Ultra", 256, None),
        ("EPYC 9654 with 768GB", "EPYC_9654", 768, None),
        ("Strix Halo 64GB", "Ryzen_AI_Max_Plus_395", 64, None),
        ("M3 Max 36GB", "Apple_M3_Max_30_core", 36, None),  # the 40 cores are sold with 48 and more
        ("M3 Max 128GB", "Apple_M3_Max", 128, None),
    ],
)
def test_a_size_in_the_name_is_taken(typed: str, canonical: str, memory_gb: float, count: int | None) -> None:
    most, (found, number) = get_accelerator(canonical), find_devices(typed)
    assert (found.memory_gb, number) == (memory_gb, count)
    assert not found.memory_is_maximum
    assert most.memory_is_maximum
    assert found.memory_bandwidth == most.memory_bandwidth
    assert found.usable_memory_bytes / found.memory_bytes == pytest.approx(most.usable_memory_bytes / most.memory_bytes)
    assert get_accelerator(typed) is found
    assert get_accelerator(found.name) == found
    assert find_accelerator(HARDWARE_CONFIGS[typed]) == found


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("M4 Max 256GB", "says 256 GB of memory, and Apple_M4_Max can have up to 128 GB at its 546 GB/s"),
        ("2 x EPYC 9654 7TB", "says 7000 GB of memory, and EPYC_9654 can have up to 6000 GB"),
        ("EPYC 9654 0.5GB", "says 0.5 GB"),
    ],
)
def test_a_size_that_it_cannot_have_is_refused(typed: str, message: str) -> None:
    with pytest.raises(UnknownHardwareError, match=message):
        get_accelerator(typed)
    assert typed not in HARDWARE_CONFIGS


@pytest.mark.parametrize("typed", ["H100 96GB", "RTX 4090 48GB", "B200 1TB", "MI300X 64GB", "M4 Max 32 core 64GB"])
def test_a_size_is_no_part_of_the_name_of_what_has_one_size(typed: str) -> None:
    with pytest.raises(UnknownHardwareError, match="is not in the catalogue"):
        get_accelerator(typed)


def test_processors_and_unified_memory_are_fitted_to_order() -> None:
    fixed = {"Xeon_Max_9480", "Apple_M4_Max_32_core", "Apple_M5_Max_32_core"}  # on the package, or sold in one size
    for accelerator in all_accelerators():
        fitted = accelerator.type == "cpu" or accelerator.name.startswith(("Apple", "Ryzen"))
        assert accelerator.memory_is_maximum == (fitted and accelerator.name not in fixed)
