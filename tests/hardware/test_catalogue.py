"""The catalogue: integrity of every file, published figures, names as people type them, custom descriptions."""

from __future__ import annotations

import copy
import math
import os
import pickle
import subprocess
import sys
import tomllib
from collections import defaultdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import llm_memory_hardware as hardware
from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    Accelerator,
    AmbiguousHardwareError,
    CalculatorError,
    InvalidHardwareError,
    Link,
    UnknownHardwareError,
    accelerator_from_config,
    all_accelerators,
    find_accelerator,
    get_accelerator,
    get_all_hardware,
    get_hardware_by_manufacturer,
    get_hardware_by_type,
    get_hardware_config,
    nearest,
    search_hardware,
)
from llm_memory_hardware.catalogue import _read

GIB = 2**30
TOMLS = {
    entry.name: entry.read_text(encoding="utf-8")
    for entry in files("llm_memory_hardware").joinpath("accelerators").iterdir()
    if entry.name.endswith(".toml")
}
NAMES = [name.removesuffix(".toml") for name in sorted(TOMLS)]
EXPECTED = [
    "V100_16GB",
    "V100_32GB",
    "A100_40GB",
    "A100_80GB",
    "A100_PCIe_80GB",
    "A10",
    "A10G",
    "A30",
    "A40",
    "T4",
    "L4",
    "L40",
    "L40S",
    "H100_SXM",
    "H100_PCIe",
    "H100_NVL",
    "H20",
    "H200",
    "GH200_96GB",
    "B200",
    "B300",
    "GB200",
    "RTX_3090",
    "RTX_4090",
    "RTX_5090",
    "RTX_A6000",
    "RTX_6000_Ada",
    "RTX_PRO_6000",
    "MI210",
    "MI250X",
    "MI300X",
    "MI325X",
    "MI355X",
    "TPU_v4",
    "TPU_v5e",
    "TPU_v5p",
    "TPU_v6e",
    "Gaudi_2",
    "Gaudi_3",
]
DATA_CENTRE = [
    "A10",
    "A30",
    "A40",
    "L4",
    "L40",
    "L40S",
    "H100_SXM",
    "H100_PCIe",
    "H100_NVL",
    "H20",
    "H200",
    "GH200_96GB",
    "B200",
    "B300",
    "GB200",
]
CUSTOM: dict[str, object] = {"Flops": 312, "Memory_size": 80, "Memory_BW": 2039}


# --- every file -------------------------------------------------------------------------------------------------


def test_the_catalogue_holds_at_least_the_expected_accelerators_sorted_by_name() -> None:
    names = [accelerator.name for accelerator in all_accelerators()]
    assert names == sorted(names)
    assert set(names) >= set(EXPECTED)
    assert len(EXPECTED) == 39


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_file_is_covered_by_a_source(name: str) -> None:
    table = tomllib.loads(TOMLS[f"{name}.toml"])
    covered = {fact for source in table["sources"] for fact in source["facts"]}
    numeric = {key for key, value in table.items() if isinstance(value, int | float)}
    numeric |= {key for key in ("link", "host_link") if key in table}
    assert numeric <= covered
    if "peak_flops" not in covered:
        assert {f"peak_flops.{number_format}" for number_format in table["peak_flops"]} <= covered
    for fact in covered:
        key, _, number_format = fact.partition(".")
        assert key in table, f"{fact} is sourced but not given"
        assert not number_format or number_format in table[key]


@pytest.mark.parametrize("name", NAMES)
def test_every_source_has_an_address_and_a_date(name: str) -> None:
    for source in get_accelerator(name).sources:
        assert source.url.startswith("https://")
        assert source.date[:4].isdigit()
        assert source.facts


@pytest.mark.parametrize("name", NAMES)
def test_a_file_comments_every_large_number_in_a_human_unit(name: str) -> None:
    for line in TOMLS[f"{name}.toml"].splitlines():
        if " = " in line and ("e1" in line.split(" = ")[1].split("#")[0] or "_bytes" in line.split(" = ")[0]):
            assert "# " in line or line.startswith(("url", "title", "facts", "aliases")), line


@pytest.mark.parametrize("accelerator", all_accelerators(), ids=lambda accelerator: accelerator.name)
def test_numbers_are_plausible_for_their_units(accelerator: Accelerator) -> None:
    assert 0.88 * accelerator.memory_bytes <= accelerator.usable_memory_bytes <= 1.08 * accelerator.memory_bytes
    assert 1.4e10 <= min(link.bandwidth for link in (accelerator.link, accelerator.host_link) if link) <= 1e12
    sixteen_bit = accelerator.peak_flops.get("bf16", accelerator.peak_flops.get("fp16", 0.0))
    assert 20 <= sixteen_bit / accelerator.memory_bandwidth <= 900  # FLOP a byte
    peaks = accelerator.peak_flops
    for narrow, wide in (("fp16", "fp32"), ("fp8", "bf16"), ("fp4", "fp8"), ("int4", "int8"), ("bf16", "tf32")):
        if narrow in peaks and wide in peaks:
            assert peaks[narrow] >= 0.99 * peaks[wide]
    if "bf16" in peaks and "fp16" in peaks:
        assert peaks["bf16"] == peaks["fp16"]


@pytest.mark.parametrize("name", DATA_CENTRE)
def test_nvidia_fp8_is_twice_bf16_on_data_centre_parts(name: str) -> None:
    peaks = get_accelerator(name).peak_flops
    if "fp8" in peaks:
        assert peaks["fp8"] == pytest.approx(2 * peaks["bf16"], rel=0.015)


def test_formats_without_a_unit_are_absent() -> None:
    assert not {"bf16", "int8", "fp8"} & set(get_accelerator("V100_32GB").peak_flops)
    assert "bf16" not in get_accelerator("T4").peak_flops
    assert "fp8" not in get_accelerator("A100_80GB").peak_flops
    assert "fp4" not in get_accelerator("H100").peak_flops
    assert "fp8" not in get_accelerator("MI250X").peak_flops


def test_the_package_reads_no_file_when_imported() -> None:
    code = "import llm_memory_hardware as h; print(h.all_accelerators.cache_info().currsize)"
    environment = {**os.environ, "PYTHONPATH": str(Path(hardware.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == "0"


def test_every_public_name_exists() -> None:
    for name in hardware.__all__:
        assert hasattr(hardware, name)


# --- published figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "memory_gb", "bandwidth", "bf16"),
    [
        ("A100_40GB", 40, 1.555e12, 312e12),  # NVIDIA A100 whitepaper
        ("A100_80GB", 80, 2.039e12, 312e12),  # NVIDIA A100 datasheet
        ("A100_PCIe_80GB", 80, 1.935e12, 312e12),  # NVIDIA A100 datasheet
        ("A10", 24, 600e9, 125e12),  # NVIDIA A10 datasheet
        ("A40", 48, 696e9, 149.7e12),  # NVIDIA A40 datasheet
        ("L4", 24, 300e9, 121e12),  # NVIDIA L4 datasheet: 242 with sparsity
        ("L40S", 48, 864e9, 362.05e12),  # NVIDIA L40S datasheet
        ("H100_SXM", 80, 3.35e12, 989.4e12),  # NVIDIA H100 whitepaper
        ("H200", 141, 4.8e12, 989.4e12),  # NVIDIA H200 datasheet
        ("H20", 96, 4.0e12, 148e12),  # press: 148 TFLOPS, 4.0 TB/s
        ("B200", 180, 7.7e12, 2250e12),  # NVIDIA HGX B200
        ("GB200", 186, 8.0e12, 2500e12),  # NVIDIA GB200 NVL72: 13.4 TB and 180 PFLOPS dense of 72
        ("RTX_3090", 24, 936e9, 71e12),  # NVIDIA GA102 whitepaper
        ("RTX_4090", 24, 1.008e12, 165.2e12),  # NVIDIA Ada whitepaper
        ("RTX_5090", 32, 1.792e12, 209.5e12),  # NVIDIA RTX Blackwell whitepaper
        ("MI300X", 192, 5.3e12, 1307.4e12),  # AMD MI300X data sheet
        ("MI325X", 256, 6.0e12, 1307.4e12),  # AMD MI325X data sheet
        ("MI250X", 128, 3.2768e12, 383e12),  # AMD MI250X product page
        ("TPU_v5e", 16, 819e9, 197e12),  # Google Cloud TPU v5e
        ("TPU_v6e", 32, 1.638e12, 918e12),  # Google Cloud TPU v6e
        ("Gaudi_3", 128, 3.67e12, 1835e12),  # Intel Gaudi 3, Hot Chips 2024
    ],
)
def test_published_figures(name: str, memory_gb: float, bandwidth: float, bf16: float) -> None:
    accelerator = get_accelerator(name)
    assert accelerator.memory_gb == memory_gb
    assert accelerator.memory_bandwidth == bandwidth
    assert accelerator.peak_flops["bf16"] == bf16


def test_h100_dense_peaks() -> None:
    # NVIDIA H100 whitepaper, SXM5, without sparsity
    assert dict(get_accelerator("H100_SXM").peak_flops) == {
        "fp32": 66.9e12,
        "tf32": 494.7e12,
        "bf16": 989.4e12,
        "fp16": 989.4e12,
        "fp8": 1978.9e12,
        "int8": 1978.9e12,
    }


def test_geforce_rates_are_those_with_fp32_accumulation() -> None:
    # NVIDIA Ada and RTX Blackwell whitepapers
    ada, blackwell = get_accelerator("4090").peak_flops, get_accelerator("5090").peak_flops
    assert (ada["fp8"], ada["int8"]) == (330.3e12, 660.6e12)
    assert (blackwell["fp8"], blackwell["fp4"]) == (419e12, 1676e12)


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        ("H100_SXM", 79.19),
        ("A100_80GB", 79.25),
        ("A100_40GB", 39.49),
        ("H200", 139.81),
        ("B200", 178.36),
        ("B300", 267.69),
        ("L40S", 44.42),
        ("RTX_PRO_6000", 94.97),
        ("RTX_4090", 23.55),
        ("RTX_3090", 23.58),
        ("T4", 14.56),
    ],
)
def test_usable_memory_is_what_vllm_reports_as_total(name: str, gib: float) -> None:
    assert get_accelerator(name).usable_memory_bytes / GIB == pytest.approx(gib, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "per_direction"),
    [
        ("V100_16GB", 150e9),
        ("A100_40GB", 300e9),
        ("A100_80GB", 300e9),
        ("H100_SXM", 450e9),
        ("H200", 450e9),
        ("B200", 900e9),
        ("GB200", 900e9),
        ("MI300X", 448e9),
        ("MI325X", 448e9),
        ("TPU_v5e", 200e9),
        ("TPU_v5p", 600e9),
        ("TPU_v6e", 400e9),
    ],
)
def test_links_count_one_direction_over_all_ports(name: str, per_direction: float) -> None:
    link = get_accelerator(name).link
    assert link is not None
    assert link.bandwidth == per_direction
    assert get_hardware_config(name)["ICN"] == per_direction / 1e9


def test_cards_without_a_scale_up_link_use_pcie() -> None:
    l40s = get_accelerator("L40S")
    assert l40s.link is None
    assert l40s.host_link == Link(name="PCIe 4.0 x16", bandwidth=31.5e9)
    assert get_hardware_config("L40S")["ICN"] == 31.5
    assert get_accelerator("RTX_5090").host_link == Link(name="PCIe 5.0 x16", bandwidth=63e9)


def test_a_bridge_joins_two_cards_and_pcie_the_rest() -> None:
    a40 = get_accelerator("A40")
    assert a40.link_between(2) == a40.link
    assert a40.link_between(4) == a40.host_link
    assert get_accelerator("H100").link_between(8) == get_accelerator("H100").link


def test_faults_of_the_older_catalogue_are_not_repeated() -> None:
    assert get_accelerator("A100_40GB").memory_type == "HBM2"  # was HBM2e at 1600 GB/s
    assert get_accelerator("H100_PCIe").memory_type == "HBM2e"  # was HBM3
    assert get_accelerator("H100_PCIe").memory_bandwidth == 2.039e12  # was 2000 GB/s
    assert get_accelerator("A30").memory_type == "HBM2"  # was HBM2e
    assert get_accelerator("MI325X").memory_type == "HBM3E"
    assert get_accelerator("MI325X").tdp_w == 1000  # was 750
    assert get_accelerator("GB200").tdp_w == 1200  # was a copy of the B200
    assert get_accelerator("A10").host_link == Link(name="PCIe 4.0 x16", bandwidth=31.5e9)  # was 64
    assert get_accelerator("TPU_v6e").peak_flops["bf16"] == 918e12  # was 926
    h100, mi300x = get_accelerator("H100").link, get_accelerator("MI300X").link
    assert h100 is not None
    assert mi300x is not None
    assert mi300x.bandwidth < h100.bandwidth  # was twice it: both directions against one


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_alias_resolves_or_is_shared_and_ambiguous(name: str) -> None:
    accelerator = get_accelerator(name)
    assert accelerator.name == name
    for alias in accelerator.aliases:
        sharing = [other.name for other in all_accelerators() if alias in other.aliases]
        if sharing == [name]:
            assert get_accelerator(alias) is accelerator
        else:
            with pytest.raises(AmbiguousHardwareError, match=", ".join(sharing)):
                get_accelerator(alias)


def test_only_declared_aliases_are_shared() -> None:
    owners = defaultdict(set)
    for accelerator in all_accelerators():
        for alias in accelerator.aliases:
            owners[alias].add(accelerator.name)
    shared = {frozenset(names) for names in owners.values() if len(names) > 1}
    assert shared == {
        frozenset({"A100_40GB", "A100_80GB"}),
        frozenset({"V100_16GB", "V100_32GB"}),
        frozenset({"TPU_v5e", "TPU_v5p"}),
    }


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("h100", "H100_SXM"),
        ("H100 SXM", "H100_SXM"),
        ("h100-sxm5-80gb", "H100_SXM"),
        ("H100_80GB", "H100_SXM"),
        ("H100_GPU", "H100_SXM"),
        ("NVIDIA H100 80GB HBM3", "H100_SXM"),
        ("H100_PCIe_GPU", "H100_PCIe"),
        ("H100 (PCIe)", "H100_PCIe"),
        ("h200", "H200"),
        ("b200", "B200"),
        ("B200_GPU", "B200"),
        ("a100-80gb", "A100_80GB"),
        ("A100_80GB_GPU", "A100_80GB"),
        ("NVIDIA A100-SXM4-80GB", "A100_80GB"),
        ("V100_16GB_GPU", "V100_16GB"),
        ("NVIDIA L40S", "L40S"),
        ("L40S_48GB_GPU", "L40S"),
        ("Tesla T4", "T4"),
        ("rtx 4090", "RTX_4090"),
        ("4090", "RTX_4090"),
        ("RTX4090_GPU", "RTX_4090"),
        ("NVIDIA GeForce RTX 4090", "RTX_4090"),
        ("  Rtx_4090 ", "RTX_4090"),
        ("mi300x", "MI300X"),
        ("AMD Instinct MI300X", "MI300X"),
        ("amd/mi325x", "MI325X"),
        ("mi250x", "MI250X"),
        ("TPUv4", "TPU_v4"),
        ("TPUv5e", "TPU_v5e"),
        ("tpu v5e", "TPU_v5e"),
        ("v5e", "TPU_v5e"),
        ("google tpu-v5p", "TPU_v5p"),
        ("TPUv6", "TPU_v6e"),
        ("trillium", "TPU_v6e"),
        ("Gaudi3", "Gaudi_3"),
        ("Intel Gaudi 2", "Gaudi_2"),
    ],
)
def test_names_are_found_as_people_type_them(typed: str, name: str) -> None:
    assert get_accelerator(typed).name == name


@pytest.mark.parametrize(
    ("typed", "names"),
    [("A100", ("A100_40GB", "A100_80GB")), ("v100", ("V100_16GB", "V100_32GB")), ("TPU v5", ("TPU_v5e", "TPU_v5p"))],
)
def test_an_ambiguous_name_lists_what_it_may_mean(typed: str, names: tuple[str, str]) -> None:
    with pytest.raises(AmbiguousHardwareError) as caught:
        get_accelerator(typed)
    assert all(name in str(caught.value) for name in names)
    assert typed not in HARDWARE_CONFIGS
    with pytest.raises(AmbiguousHardwareError):
        HARDWARE_CONFIGS.get(typed)


@pytest.mark.parametrize(("typed", "meant"), [("H10O", "H100"), ("RTX 4080", "RTX_4090"), ("MI300Y", "MI300X")])
def test_an_unknown_name_offers_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UnknownHardwareError) as caught:
        get_accelerator(typed)
    message = str(caught.value)
    assert repr(typed) in message
    assert meant in message.split("Did you mean ")[1].split(" or ")[0]
    assert "get_all_hardware()" in message


@pytest.mark.parametrize("typed", ["", "   ", "NVIDIA", "xyzzy-9000"])
def test_a_name_that_says_nothing_is_unknown(typed: str) -> None:
    with pytest.raises(UnknownHardwareError):
        get_accelerator(typed)


def test_errors_share_one_root() -> None:
    for error in (UnknownHardwareError, AmbiguousHardwareError, InvalidHardwareError):
        assert issubclass(error, CalculatorError)
    assert issubclass(CalculatorError, ValueError)
    assert issubclass(UnknownHardwareError, KeyError)


def test_nearest_keeps_the_original_spelling() -> None:
    assert nearest("memory size", ["Memory_size", "Memory_BW", "Flops"])[0] == "Memory_size"
    assert nearest("zzz", ["Memory_size", "Flops"]) == []


def test_find_accelerator_takes_a_name_a_dict_or_an_accelerator() -> None:
    h100 = get_accelerator("h100")
    assert find_accelerator("h100") is h100
    assert find_accelerator(h100) is h100
    assert find_accelerator(CUSTOM).memory_gb == 80


@pytest.mark.parametrize("value", [None, 3, 1.5, ["H100"], b"H100", False])
def test_find_accelerator_refuses_other_types(value: Any) -> None:
    with pytest.raises(InvalidHardwareError, match="name, a dict"):
        find_accelerator(value)


# --- dicts in the original's keys -------------------------------------------------------------------------------


def test_a_changed_dict_does_not_change_the_next_one() -> None:
    first = get_hardware_config("A100_80GB")
    first["Flops"] = 1.0
    first["peak_tflops"]["bf16"] = 1.0
    HARDWARE_CONFIGS["A100_80GB"]["Memory_size"] = 1.0
    get_all_hardware()["A100_80GB"].clear()
    assert get_hardware_config("A100_80GB")["Flops"] == 312
    assert HARDWARE_CONFIGS["A100_80GB"]["peak_tflops"]["bf16"] == 312
    assert HARDWARE_CONFIGS["A100_80GB"]["Memory_size"] == 80


def test_the_configs_use_the_original_keys_and_units() -> None:
    config = get_hardware_config("H100_80GB")
    assert config == {
        "name": "H100_SXM",
        "manufacturer": "NVIDIA",
        "type": "gpu",
        "Flops": 989.4,
        "Memory_size": 80,
        "Memory_BW": 3350,
        "ICN": 450,
        "memory_type": "HBM3",
        "real_values": True,
        "devices_per_node": 8,
        "peak_tflops": {"fp32": 66.9, "tf32": 494.7, "bf16": 989.4, "fp16": 989.4, "fp8": 1978.9, "int8": 1978.9},
    }
    assert get_hardware_config("V100_16GB")["Flops"] == 125  # fp16 where there is no bf16


def test_hardware_configs_is_a_read_only_mapping() -> None:
    assert list(HARDWARE_CONFIGS) == [accelerator.name for accelerator in all_accelerators()]
    assert len(HARDWARE_CONFIGS) == len(get_all_hardware())
    assert dict(HARDWARE_CONFIGS) == get_all_hardware()
    assert HARDWARE_CONFIGS["h100"] == HARDWARE_CONFIGS["H100_SXM"]
    assert "TPUv5e" in HARDWARE_CONFIGS
    assert "nothing" not in HARDWARE_CONFIGS
    assert HARDWARE_CONFIGS.get("nothing") is None
    with pytest.raises(KeyError):
        HARDWARE_CONFIGS["nothing"]
    with pytest.raises(TypeError):
        HARDWARE_CONFIGS["new"] = {}  # type: ignore[index]


def test_search_by_type_and_manufacturer() -> None:
    assert set(get_hardware_by_type("tpu")) == {"TPU_v4", "TPU_v5e", "TPU_v5p", "TPU_v6e"}
    assert set(get_hardware_by_type("asic")) == {"Gaudi_2", "Gaudi_3"}
    assert get_hardware_by_type("cpu") == {}
    assert set(get_hardware_by_manufacturer("amd")) == {"MI210", "MI250X", "MI300X", "MI325X", "MI355X"}
    with pytest.raises(InvalidHardwareError, match="NVIDIA"):
        get_hardware_by_manufacturer("nvdia")
    with pytest.raises(InvalidHardwareError, match="gpu, tpu, asic, cpu"):
        get_hardware_by_type("npu")  # type: ignore[arg-type]


def test_search_by_ranges_and_words() -> None:
    assert set(search_hardware(query="hopper", min_memory=96)) == {"H20", "H200", "GH200_96GB"}
    assert set(search_hardware(query="A100 ", max_memory=40)) == {"A100_40GB"}
    assert set(search_hardware(manufacturer="NVIDIA", min_flops=2000)) == {"B200", "B300", "GB200"}
    assert "H200" in search_hardware(hw_type="gpu", min_memory_bw=4800, max_memory_bw=4800)
    assert search_hardware(query="no such thing") == {}
    assert search_hardware() == get_all_hardware()


@pytest.mark.parametrize(
    "arguments",
    [
        {"min_memory": -1},
        {"min_memory": "80"},
        {"max_flops": math.nan},
        {"min_memory_bw": True},
        {"min_memory": 80, "max_memory": 40},
        {"query": 3},
        {"hw_type": "npu"},
        {"manufacturer": ""},
    ],
)
def test_search_refuses_impossible_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidHardwareError):
        search_hardware(**arguments)


# --- custom descriptions ----------------------------------------------------------------------------------------


def test_a_custom_dict_gives_both_16_bit_rates_and_invents_no_other() -> None:
    accelerator = accelerator_from_config({**CUSTOM, "ICN": 300, "ICN_LL": 1, "Manufacturer": "Acme"}, name="box")
    assert accelerator.name == "box"
    assert accelerator.manufacturer == "Acme"
    assert dict(accelerator.peak_flops) == {"bf16": 312e12, "fp16": 312e12}
    assert accelerator.memory_bytes == accelerator.usable_memory_bytes == 80 * 10**9
    assert accelerator.memory_bandwidth == 2.039e12
    assert accelerator.link == Link(name="ICN", bandwidth=300e9, latency_s=1e-6)
    assert accelerator_from_config(CUSTOM).link is None


def test_a_custom_dict_may_give_other_formats() -> None:
    accelerator = accelerator_from_config({**CUSTOM, "peak_tflops": {"int8": 624}})
    assert dict(accelerator.peak_flops) == {"bf16": 312e12, "fp16": 312e12, "int8": 624e12}


@pytest.mark.parametrize("name", NAMES)
def test_a_config_makes_a_round_trip(name: str) -> None:
    config = get_hardware_config(name)
    accelerator = Accelerator.from_config(config)
    assert accelerator.to_config() == config
    assert accelerator.peak_flops == pytest.approx(dict(get_accelerator(name).peak_flops))


@pytest.mark.parametrize("key", ["Flops", "Memory_size", "Memory_BW"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(InvalidHardwareError, match=f"'{key}' is missing"):
        accelerator_from_config({other: value for other, value in CUSTOM.items() if other != key})


@pytest.mark.parametrize("key", ["Flops", "Memory_size", "Memory_BW", "ICN"])
@pytest.mark.parametrize(
    "value", ["80", True, None, math.nan, math.inf, -math.inf, 0, 0.0, -80, 1e10, 10**400, [80], 80j]
)
def test_a_bad_number_is_refused_and_its_key_named(key: str, value: object) -> None:
    with pytest.raises(InvalidHardwareError, match=f"'{key}' is .*accepted is a finite number"):
        accelerator_from_config({**CUSTOM, key: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Memory_Size": 80}, "'Memory_Size' is not known.*Did you mean 'Memory_size'.*Flops, Memory_size"),
        ({"memory": 80}, "'memory' is not known"),
        ({3: 80}, "must be a string"),
        ({"tensor_cores": "gen4"}, "'tensor_cores' is not supported"),
        ({"inference_calibration": {}}, "'inference_calibration' is not supported"),
        ({"real_values": False}, "'real_values' is False"),
        ({"type": "npu"}, "'type' is 'npu'; accepted are gpu, tpu, asic, cpu"),
        ({"type": 3}, "'type' is 3"),
        ({"memory_type": ""}, "'memory_type'"),
        ({"name": 7}, "'name' is 7"),
        ({"manufacturer": "a", "Manufacturer": "b"}, "mean the same and differ"),
        ({"devices_per_node": 0}, "'devices_per_node' is 0"),
        ({"devices_per_node": 8.0}, "'devices_per_node' is 8.0"),
        ({"devices_per_node": True}, "'devices_per_node' is True"),
        ({"ICN_LL": 1}, "'ICN_LL'.*without 'ICN'"),
        ({"ICN": 300, "ICN_LL": -1}, "'ICN_LL' is -1"),
        ({"peak_tflops": 312}, "'peak_tflops' is 312"),
        ({"peak_tflops": {"fp9": 1}}, "'fp9'.*Did you mean 'fp"),
        ({"peak_tflops": {"fp8": "624"}}, "'peak_tflops', format 'fp8', is '624'"),
        ({"peak_tflops": {"bf16": 156}}, "'Flops' .312 TFLOPS.*differ"),
    ],
)
def test_a_bad_custom_dict_is_refused_with_a_reason(changes: dict[Any, object], message: str) -> None:
    with pytest.raises(InvalidHardwareError, match=message):
        accelerator_from_config({**CUSTOM, **changes})


def test_something_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidHardwareError, match="must be a mapping"):
        accelerator_from_config([("Flops", 312)])  # type: ignore[arg-type]


# --- the object -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_an_accelerator_can_be_pickled_copied_and_hashed(name: str) -> None:
    accelerator = get_accelerator(name)
    for twin in (pickle.loads(pickle.dumps(accelerator)), copy.deepcopy(accelerator)):
        assert twin == accelerator
        assert hash(twin) == hash(accelerator)
        assert {twin: name}[accelerator] == name


def test_an_accelerator_cannot_be_changed() -> None:
    accelerator = get_accelerator("h100")
    with pytest.raises(AttributeError):
        accelerator.memory_bytes = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        accelerator.peak_flops["bf16"] = 1.0  # type: ignore[index]


# --- the schema of a file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tdp_w = 700", "tdp_watts = 700", "H100_SXM.toml: key 'tdp_watts' is not known.*Did you mean 'tdp_w'"),
        ("memory_bytes = 80_000_000_000", "memory_bytes = 80", "key 'memory_bytes' is 80; accepted is a whole"),
        ("memory_bytes = 80_000_000_000", "memory_bytes = 8e10", "key 'memory_bytes' is 80000000000.0"),
        ("memory_bandwidth = 3.35e12", "memory_bandwidth = 3350", "key 'memory_bandwidth' is 3350"),
        ("memory_bandwidth = 3.35e12", "", "key 'memory_bandwidth' is missing"),
        ("bf16 = 9.894e14", "bf16 = 989.4", "key 'peak_flops.bf16' is 989.4"),
        ("bf16 = 9.894e14", "bf15 = 9.894e14", "key 'peak_flops.bf15' is not known"),
        ("bandwidth = 4.5e11", "bandwidth = true", "key 'link.bandwidth' is True"),
        ("bandwidth = 4.5e11", "", "key 'link.bandwidth' is missing"),
        ('type = "gpu"', 'type = "npu"', "key 'type' is 'npu'"),
        ('manufacturer = "NVIDIA"', 'manufacturer = ""', "key 'manufacturer' is ''"),
        ("[[sources]]", "[[source]]", "key 'source' is not known"),
        ('name = "H100_SXM"', "name = H100", "not valid TOML"),
    ],
)
def test_a_faulty_file_is_refused_with_its_name_and_key(old: str, new: str, message: str) -> None:
    text = TOMLS["H100_SXM.toml"]
    assert old in text
    with pytest.raises(InvalidHardwareError, match=message):
        _read("H100_SXM.toml", text.replace(old, new))
