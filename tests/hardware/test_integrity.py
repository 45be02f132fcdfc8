"""Every file of the catalogue: keys, units, sources, ratios between formats, links, and names that are unique."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import llm_memory_calculator
from llm_memory_hardware import Accelerator, all_accelerators, find_devices, get_accelerator
from llm_memory_hardware.built_in import names
from llm_memory_hardware.names import comparable, instance_key
from llm_memory_hardware.prices import PROVIDERS

from .checks import over

TOMLS = {
    entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
    for entry in files("llm_memory_hardware").joinpath("accelerators").iterdir()
    if entry.name.endswith(".toml")
}
NAMES = sorted(TOMLS)
ALL = all_accelerators()


every_file = over(NAMES)
every_accelerator = over(ALL)

# Keys whose numbers carry their own origin, or are no numbers.
_UNSOURCED = {"name", "aliases", "manufacturer", "type", "architecture", "memory_type", "prices", "sources", "disputed"}
_UNITS = {
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "MB/s": 10**6,
    "GB/s": 10**9,
    "TB/s": 10**12,
    "PB/s": 10**15,
    "GFLOPS": 10**9,
    "GOPS": 10**9,
    "TFLOPS": 10**12,
    "TOPS": 10**12,
    "PFLOPS": 10**15,
    "POPS": 10**15,
}
# Gbit/s of one pin, from the slowest part that was sold to the fastest.
_PIN_RATES = {
    "HBM2": (1.4, 2.45),
    "HBM2E": (3.0, 3.65),
    "HBM3": (4.8, 6.5),
    "HBM3E": (5.8, 9.6),
    "GDDR5": (5.0, 9.0),
    "GDDR5X": (10.0, 11.0),
    "GDDR6": (10.0, 20.1),
    "GDDR6X": (18.0, 24.0),
    "GDDR7": (24.0, 32.0),
    "LPDDR4": (3.2, 3.8),
    "LPDDR4X": (3.2, 4.3),
    "LPDDR5": (5.5, 6.5),
    "LPDDR5X": (7.4, 9.7),
    "DDR4": (2.1, 3.3),
    "DDR5": (4.0, 8.9),
}
_PCIE = {3: 15.75e9, 4: 31.5e9, 5: 63e9, 6: 128e9}  # GB/s in each direction over 16 lanes
_NVLINK = {1: 20e9, 2: 25e9, 3: 25e9, 4: 25e9, 5: 50e9}  # GB/s in each direction of one link
# No dense rate was published, and none is made up.
_WITHOUT_RATE = {"WSE_3"}
# Blackwell Ultra gave its int8 units up for fp4.
_WITHOUT_INT8 = {"B300", "GB300"}


# --- the file -------------------------------------------------------------------------------------------------------


def test_there_are_more_than_a_hundred_and_ten_and_they_are_sorted() -> None:
    found = [accelerator.name for accelerator in ALL]
    assert len(found) >= 110
    assert found == sorted(found) == NAMES


@every_file
def test_every_number_of_a_file_is_covered_by_a_source_and_nothing_else_is(name: str) -> None:
    table = tomllib.loads(TOMLS[name])
    covered = {fact for source in table["sources"] for fact in source["facts"]}
    needed = set(table) - _UNSOURCED
    peaks = {f"peak_flops.{number_format}" for number_format in table.get("peak_flops", {})}
    if peaks <= covered:
        needed -= {"peak_flops"}
    assert needed <= covered
    for fact in covered:
        key, _, inner = fact.partition(".")
        assert key in table, f"{fact} is sourced but not given"
        assert not inner or inner in table[key], f"{fact} is sourced but not given"


@every_file
def test_sources_have_dates_that_have_been(name: str) -> None:
    for source in get_accelerator(name).sources:
        assert "2005" <= source.date[:4] <= "2026"
        assert source.facts


@every_file
def test_the_comment_beside_a_large_number_says_the_same_in_a_human_unit(name: str) -> None:
    for line in TOMLS[name].splitlines():
        found = re.match(r"(\w+) = ([0-9][0-9_.e+]*)(?:\s*#\s*(.*))?$", line)
        if found is None:
            continue
        key, value, comment = found[1], float(found[2].replace("_", "")), found[3]
        if value < 10**5:
            continue
        assert comment, f"{line}: a large number has its human unit beside it"
        said = re.match(r"([0-9][0-9,]*(?:\.[0-9]+)?) ([A-Za-z]+(?:/s)?)", comment)
        assert said, f"{line}: the comment begins with a number and a unit"
        assert said[2] in _UNITS, f"{line}: unknown unit {said[2]}"
        told = float(said[1].replace(",", "")) * _UNITS[said[2]]
        assert value == pytest.approx(told, rel=6e-3), f"{line}: {key} and its comment differ"


def test_no_figure_of_hardware_stands_a_second_time_in_the_engine() -> None:
    data = Path(llm_memory_calculator.__file__).parent / "data"
    for file in data.rglob("*.toml"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"^(memory_bandwidth|peak_flops|memory_bytes|tdp_w)\b", text, re.MULTILINE), file.name


# --- numbers against one another ------------------------------------------------------------------------------------


@every_accelerator
def test_capacity_and_what_the_runtime_sees_of_it_agree(accelerator: Accelerator) -> None:
    # unified memory: the system keeps a share that it does not lend
    least = 0.7 if (accelerator.memory_type or "").startswith("LPDDR") or accelerator.name == "MI300A" else 0.88
    if re.match(r"Radeon_\d", accelerator.name):
        least = 0.5  # drivers lend the graphics of a processor half
    assert least <= accelerator.usable_memory_bytes / accelerator.memory_bytes <= 1.08


@every_accelerator
def test_narrower_formats_are_no_slower(accelerator: Accelerator) -> None:
    peaks = accelerator.peak_flops
    for narrow, wide in (("fp16", "fp32"), ("fp8", "bf16"), ("fp4", "fp8"), ("int4", "int8"), ("bf16", "tf32")):
        if narrow in peaks and wide in peaks:
            assert peaks[narrow] >= 0.98 * peaks[wide], f"{narrow} against {wide}"
    # the first CDNA multiplies bf16 at half the rate of fp16
    if "bf16" in peaks and "fp16" in peaks and accelerator.architecture != "CDNA":
        assert peaks["bf16"] == peaks["fp16"]


@every_accelerator
def test_formats_of_nvidia_tensor_cores_are_in_their_ratios(accelerator: Accelerator) -> None:
    if accelerator.manufacturer != "NVIDIA" or accelerator.type != "gpu":
        return
    peaks = accelerator.peak_flops
    sixteen = peaks.get("bf16", peaks.get("fp16"))
    if sixteen is None:
        assert accelerator.compute_capability == "6.1"  # the chips whose fp16 is slower than their fp32
        return
    if "fp8" in peaks:
        assert peaks["fp8"] == pytest.approx(2 * sixteen, rel=0.015)
    if "int8" in peaks and accelerator.name not in _WITHOUT_INT8:
        # a GeForce multiplies 16 bits at half rate where it accumulates in fp32, and integers at the full one
        full = _is_geforce(accelerator)
        assert peaks["int8"] == pytest.approx((4 if full else 2) * sixteen, rel=0.03)
    if "tf32" in peaks:
        assert sixteen == pytest.approx(2 * peaks["tf32"], rel=0.02)


def _is_geforce(accelerator: Accelerator) -> bool:
    return bool(re.fullmatch(r"RTX_[2345]0[5-9]0\w*", accelerator.name))


@every_accelerator
def test_nvidia_generations_have_the_formats_that_they_have(accelerator: Accelerator) -> None:
    if accelerator.manufacturer != "NVIDIA" or accelerator.compute_capability is None:
        return
    major, minor = (int(part) for part in accelerator.compute_capability.split("."))
    formats = set(accelerator.peak_flops)
    assert ("bf16" in formats) == (major >= 8)
    assert ("tf32" in formats) <= (major >= 8)
    assert ("fp8" in formats) == ((major, minor) >= (8, 9))
    assert ("fp4" in formats) == (major >= 10)
    if major < 7:
        # the large chip and the modules multiply two fp16 at a time, the cards' fp32 units four integers
        assert formats == ({"fp32", "int8"} if (major, minor) == (6, 1) else {"fp32", "fp16"})


@every_accelerator
def test_bandwidth_is_what_the_bus_and_the_memory_give(accelerator: Accelerator) -> None:
    if accelerator.memory_bus_bits is None or accelerator.memory_type is None:
        return
    lowest, highest = _PIN_RATES[accelerator.memory_type.upper()]
    pin_rate = accelerator.memory_bandwidth * 8 / accelerator.memory_bus_bits / 1e9
    assert lowest <= pin_rate <= highest


@every_accelerator
def test_links_count_one_direction(accelerator: Accelerator) -> None:
    for link in (accelerator.link, accelerator.host_link):
        if link is None:
            continue
        pcie = re.fullmatch(r"PCIe (\d)\.0 x(\d+)", link.name)
        if pcie:
            assert link.bandwidth == pytest.approx(_PCIE[int(pcie[1])] * int(pcie[2]) / 16)
        nvlink = re.match(r"NVLink (\d)", link.name)
        if nvlink:
            links = link.bandwidth / _NVLINK[int(nvlink[1])]
            # the bridge of a GA102 joins four links of 14.0625 GB/s
            assert links in (1, 2, 4, 6, 8, 12, 18) or link.bandwidth == 56.25e9
    if accelerator.link is not None and accelerator.host_link is not None and accelerator.type == "gpu":
        assert accelerator.link.bandwidth > accelerator.host_link.bandwidth


@every_accelerator
def test_prices_are_of_this_world(accelerator: Accelerator) -> None:
    seen = set()
    for price in accelerator.prices:
        assert 0.02 <= price.usd_per_device_hour <= 60
        key = (price.provider, price.instance, price.devices, price.tier, price.region, price.date)
        assert key not in seen, "the same offer twice"
        seen.add(key)
        assert price.instance is None or accelerator.instances[price.instance] == price.devices


@every_accelerator
def test_a_provider_is_spelt_in_one_way(accelerator: Accelerator) -> None:
    assert {price.provider for price in accelerator.prices} <= set(PROVIDERS)


@every_accelerator
def test_only_what_was_not_published_has_no_rate(accelerator: Accelerator) -> None:
    assert bool(accelerator.peak_flops) == (accelerator.name not in _WITHOUT_RATE)


@every_accelerator
def test_spot_is_no_dearer_than_on_demand(accelerator: Accelerator) -> None:
    rates: dict[Any, dict[str, float]] = defaultdict(dict)
    for price in accelerator.prices:
        rates[price.provider, price.instance, price.region, price.date][price.tier] = price.usd_per_device_hour
    for tiers in rates.values():
        assert tiers.get("spot", 0.0) <= tiers.get("on_demand", float("inf"))


# --- names ----------------------------------------------------------------------------------------------------------

# Names by which people call several things: what they mean when they say nothing more is not for a catalogue to guess.
AMBIGUOUS = {
    "a100",
    "a100gpu",
    "a100sxm",
    "a100sxm4",
    "a100pcie",
    "910b",
    "ascend910b",
    "ascend910",
    "cloudai100",
    "ai100",
    "aic100",
    "frameworkdesktop",
    "groqlpu",
    "jetsonthor",
    "lpu",
    "mi300",
    "pontevecchio",
    "pvc",
    "radeon8050s",
    "radeon8050sgraphics",
    "strixhalo",
    "gh200",
    "gracehopper",
    "inferentia",
    "jetsonagxorin",
    "agxorin",
    "orin",
    "jetsonagxxavier",
    "agxxavier",
    "xavier",
    "jetsonorinnx",
    "orinnx",
    "1060",
    "gtx1060",
    "mi50",
    "instinctmi50",
    "radeoninstinctmi50",
    "jetsonxaviernx",
    "xaviernx",
    "snapdragonxelite",
    "xelite",
    "snapdragonxplus",
    "xplus",
    "rtxpro6000",
    "rtxpro6000blackwell",
    "pro6000",
    "rtxpro600096gb",
    "rtx6000pro",
    "rtx6000blackwell",
    "p100",
    "teslap100",
    "p100gpu",
    "p10016gb",
    "rtx3080laptop",
    "rtx3080laptopgpu",
    "rtx3080mobile",
    "m5max18core",
    "mlu370",
    "cambriconmlu370",
    "rtx3080",
    "rtx6000",
    "rx9060xt",
    "rx9060xtgpu",
    "radeonrx9060xt",
    "9060xt",
    "thor",
    "3080",
    "rtx4060ti",
    "4060ti",
    "rtx5060ti",
    "5060ti",
    "tpuv5",
    "v5",
    "trainium",
    "v100",
    "teslav100",
    "v100sxm2",
    "v100gpu",
    "v100pcie",
}


def _owners() -> dict[str, set[str]]:
    owners: dict[str, set[str]] = defaultdict(set)
    for accelerator in ALL:
        for alias in accelerator.aliases:
            owners[comparable(alias)].add(accelerator.name)
        for board in accelerator.boards:
            owners[instance_key(comparable(board))].add(accelerator.name)
    for accelerator in ALL:
        owners[comparable(accelerator.name)] = {accelerator.name}
    return owners


@every_accelerator
def test_a_board_says_its_devices(accelerator: Accelerator) -> None:
    for board, count in accelerator.boards.items():
        assert find_devices(board, if_ambiguous=accelerator.name) == (accelerator, count)


def test_a_name_means_one_accelerator_or_is_known_to_be_ambiguous() -> None:
    shared = {key for key, found in _owners().items() if len(found) > 1}
    assert shared <= AMBIGUOUS


@every_accelerator
def test_every_name_of_an_accelerator_finds_it(accelerator: Accelerator) -> None:
    assert get_accelerator(accelerator.name) is accelerator
    for alias in accelerator.aliases:
        found = get_accelerator(alias, if_ambiguous=accelerator.name)
        if accelerator.memory_is_maximum and found is not accelerator:
            # with the size in its name
            assert found == accelerator.with_memory(found.memory_bytes)
        else:
            assert found is accelerator
        assert alias != accelerator.name


def test_an_instance_type_means_one_accelerator_and_no_alias() -> None:
    for accelerator in ALL:
        for instance, count in accelerator.instances.items():
            key = instance_key(comparable(instance))
            meant = [(name, spelt[key]) for name, spelt in names().items() if key in spelt]
            assert meant == [(accelerator.name, count)]


@every_accelerator
def test_every_instance_type_says_its_devices(accelerator: Accelerator) -> None:
    for instance, count in accelerator.instances.items():
        found = accelerator.in_instance(instance) if accelerator.instance_memory else accelerator
        assert find_devices(instance) == (found, count)


def test_no_two_makers_share_a_pci_id() -> None:
    makers = defaultdict(set)
    for accelerator in ALL:
        for pci_id in accelerator.pci_ids:
            makers[pci_id].add((accelerator.manufacturer, accelerator.architecture))
    assert all(len(found) == 1 for found in makers.values())
