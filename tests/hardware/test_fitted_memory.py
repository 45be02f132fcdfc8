"""Memory that is fitted to order: the catalogue has the most, a name with the size has that size."""

from __future__ import annotations

import re

import pytest

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    UnknownHardwareError,
    all_accelerators,
    find_accelerator,
    find_devices,
    get_accelerator,
)

from ..rows import each


@each(
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
    if most.usable_rule is None:
        share = most.usable_memory_bytes / most.memory_bytes
        assert found.usable_memory_bytes / found.memory_bytes == pytest.approx(share)
    assert get_accelerator(typed) is found
    assert get_accelerator(found.name) == found
    assert find_accelerator(HARDWARE_CONFIGS[typed]) == found


# recommendedMaxWorkingSetSize in GB as llama.cpp and MLX print it in 2025 and 2026, by the memory of the Mac.
WORKING_SETS = {16: 12.71, 18: 14.30, 24: 19.07, 32: 26.80, 36: 30.15, 48: 40.20, 64: 55.66, 96: 83.49, 128: 115.45,
                256: 239.14, 512: 498.22}  # fmt: skip


@each("typed", ["M1", "M2 Max", "M3 Pro", "M3 Max 30-core", "M4 Pro", "M4 Max", "M5 Max", "M3 Ultra"])
def test_metal_lends_what_it_lends_on_every_mac_of_a_size(typed: str) -> None:
    most = get_accelerator(f"{typed} GPU" if typed == "M1" else typed)
    assert most.usable_rule == "metal"
    for memory_gb, working_set in WORKING_SETS.items():
        if memory_gb <= most.memory_gb:
            found = most.with_memory(memory_gb * 10**9)
            assert found.usable_memory_bytes / 1e9 == pytest.approx(working_set, rel=4e-4)


def test_a_size_that_nobody_measured_has_the_share_of_the_next_smaller() -> None:
    ultra = get_accelerator("M2 Ultra")
    assert ultra.memory_gb == 192
    assert ultra.usable_memory_bytes / 192 == pytest.approx(115.45e9 / 128, rel=1e-4)
    # two thirds of 8 GiB, as M1 and M2 of that size print it
    assert get_accelerator("Apple M1").with_memory(8 * 10**9).usable_memory_bytes == 5_726_630_000


def test_every_mac_is_listed_with_what_the_rule_gives() -> None:
    macs = [entry for entry in all_accelerators() if entry.manufacturer == "Apple"]
    assert len(macs) >= 21
    for mac in macs:
        sold = round(mac.memory_gb)
        working_set = WORKING_SETS.get(sold, WORKING_SETS[128] * sold / 128)
        assert mac.usable_memory_bytes / 1e9 == pytest.approx(working_set, rel=4e-4), mac.name
        assert (mac.usable_rule == "metal") == mac.memory_is_maximum


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


@pytest.mark.parametrize("typed", ["H100 96GB", "RTX 5090 48GB", "B200 1TB", "MI300X 64GB", "M4 Max 32 core 64GB"])
def test_a_size_is_no_part_of_the_name_of_what_has_one_size(typed: str) -> None:
    with pytest.raises(UnknownHardwareError, match="is not in the catalogue"):
        get_accelerator(typed)


def test_processors_and_unified_memory_are_fitted_to_order() -> None:
    fixed = {"Xeon_Max_9480", "Apple_M4_Max_32_core", "Apple_M5_Max_32_core"}  # on the package, or sold in one size
    for accelerator in all_accelerators():
        fitted = accelerator.type == "cpu" or re.match(r"Apple|Ryzen|Radeon_\d", accelerator.name) is not None
        assert accelerator.memory_is_maximum == (fitted and accelerator.name not in fixed)
