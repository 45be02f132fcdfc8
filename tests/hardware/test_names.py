"""Names as people, tools, clusters and clouds write them, and counts that stand in them."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    AmbiguousHardwareError,
    CalculatorError,
    InvalidHardwareError,
    UnknownHardwareError,
    find_accelerator,
    find_devices,
    get_accelerator,
    get_hardware_config,
    match_device,
    nearest,
)

from ..rows import each

CUSTOM: dict[str, object] = {"Flops": 312, "Memory_size": 80, "Memory_BW": 2039}


@each(
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
        ("mi250x", "MI250X_GCD"),
        ("TPUv4", "TPU_v4"),
        ("TPUv5e", "TPU_v5e"),
        ("tpu v5e", "TPU_v5e"),
        ("v5e", "TPU_v5e"),
        ("google tpu-v5p", "TPU_v5p"),
        ("TPUv6", "TPU_v6e"),
        ("trillium", "TPU_v6e"),
        ("Gaudi3", "Gaudi_3"),
        ("Intel Gaudi 2", "Gaudi_2"),
        ("a6000", "RTX_A6000"),
        ("rtx a6000", "RTX_A6000"),
        ("6000 ada", "RTX_6000_Ada"),
        ("Quadro RTX 6000", "Quadro_RTX_6000"),
        ("Quadro RTX 8000", "Quadro_RTX_8000"),
        ("Tesla P40", "P40"),
        ("GeForce RTX 3080 Ti Laptop GPU", "RTX_3080_Ti_Laptop"),
        ("3080 ti", "RTX_3080_Ti"),
        ("A100 40G", "A100_40GB"),
        ("m3 ultra", "Apple_M3_Ultra"),
        ("tpu v5p", "TPU_v5p"),
        ("trn2", "Trainium_2"),
        ("inf2", "Inferentia_2"),
        ("Ryzen AI Max+ 395", "Ryzen_AI_Max_Plus_395"),
    ],
)
def test_names_are_found_as_people_type_them(typed: str, name: str) -> None:
    assert get_accelerator(typed).name == name


@each(
    ("typed", "names"),
    [
        ("A100", ("A100_40GB", "A100_80GB")),
        ("v100", ("V100_16GB", "V100_32GB")),
        ("TPU v5", ("TPU_v5e", "TPU_v5p")),
        ("RTX 6000 Pro", ("RTX_PRO_6000_Max_Q", "RTX_PRO_6000_Server", "RTX_PRO_6000_Workstation")),
        ("P100", ("P100_PCIe_16GB", "P100_SXM2_16GB")),
        ("GeForce RTX 3080 Laptop GPU", ("RTX_3080_Laptop_16GB", "RTX_3080_Laptop_8GB")),
        ("RTX 6000", ("Quadro_RTX_6000", "RTX_6000_Ada")),
        ("grace hopper", ("GH200_144GB", "GH200_96GB")),
    ],
)
def test_an_ambiguous_name_lists_what_it_may_mean(typed: str, names: tuple[str, ...]) -> None:
    with pytest.raises(AmbiguousHardwareError) as caught:
        get_accelerator(typed)
    assert all(name in str(caught.value) for name in names)
    assert typed not in HARDWARE_CONFIGS
    with pytest.raises(KeyError, match="means several accelerators"):
        HARDWARE_CONFIGS[typed]
    assert HARDWARE_CONFIGS.get(typed) is None


@pytest.mark.parametrize(("typed", "meant"), [("H10O", "H100"), ("RTX 4O80", "RTX_4080"), ("MI300Y", "MI300X")])
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
    with pytest.raises(InvalidHardwareError, match="name or a dict"):
        find_accelerator(value)


# --- names of the older catalogue, of tools, clusters and clouds ----------------------------------------------------

OLDER_KEYS = [
    "A100_40GB_GPU",
    "A100_80GB_GPU",
    "V100_16GB_GPU",
    "V100_32GB_GPU",
    "H100_GPU",
    "H100_PCIe_GPU",
    "H200_GPU",
    "GH200_GPU",
    "B100",
    "GB200",
    "GB10",
    "B200_GPU",
    "L40S_48GB_GPU",
    "RTX4090_GPU",
    "RTX4080_GPU",
    "RTX3080_GPU",
    "RTX3080Ti_GPU",
    "RTX3070_GPU",
    "RTX3060_GPU",
    "A10_GPU",
    "A30_GPU",
    "A40_GPU",
    "A6000_GPU",
    "RTX4060_GPU",
    "RTX4060Ti_GPU",
    "RTX4070Ti_GPU",
    "RTX4070_GPU",
    "RTX3090_GPU",
    "TPUv6",
    "TPUv5e",
    "TPUv5p",
    "TPUv4",
    "MI300X",
    "MI325X",
    "MAX1550",
    "MAX1100",
    "ARC770",
    "Gaudi3",
    "SapphireRapids_CPU",
    "EmeraldRapids_CPU",
    "GraniteRapids_CPU",
    "Xeon6767P_CPU",
    "Xeon6767P_1socket_CPU",
    "SierraForest_CPU",
    "MilanX_CPU",
    "Genoa_CPU",
    "GenoaX_CPU",
    "Bergamo_CPU",
    "Turin_CPU",
    "Grace_CPU",
    "Graviton3_CPU",
    "Graviton4_CPU",
    "AmpereOne_CPU",
    "Trainium1",
    "Inferentia2",
    "Cerebras_WSE2",
    "Cerebras_WSE3",
    "Groq_LPU",
    "SambaNova_SN40L",
    "XEON_PLATINUM_8490H",
    "XEON_PLATINUM_8480PLUS",
    "XEON_PLATINUM_8470",
    "XEON_PLATINUM_8460YPLUS",
    "XEON_GOLD_6430",
    "XEON_PLATINUM_8592PLUS",
    "XEON_PLATINUM_8580",
    "EPYC_7763",
    "EPYC_7773X",
    "EPYC_7713",
    "EPYC_9654",
    "EPYC_9554",
    "EPYC_9454",
    "EPYC_9684X",
    "EPYC_9754",
    "EPYC_9734",
]


def test_every_key_of_the_older_catalogue_is_found() -> None:
    assert len(OLDER_KEYS) == 75
    for key in OLDER_KEYS:
        assert HARDWARE_CONFIGS[key]["Memory_size"] > 0
        # a module of two stacks, each of which is a device
        assert find_devices(key)[1] == (2 if key == "MAX1550" else None)


@each(
    ("reported", "name"),
    [
        # nvidia-smi and rocm-smi
        ("NVIDIA A100-PCIE-40GB", "A100_PCIe_40GB"),
        ("NVIDIA A100 80GB PCIe", "A100_PCIe_80GB"),
        ("NVIDIA H100 PCIe", "H100_PCIe"),
        ("NVIDIA H100 NVL", "H100_NVL"),
        ("NVIDIA GH200 480GB", "GH200_96GB"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA GB10", "GB10"),
        ("NVIDIA RTX A6000", "RTX_A6000"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX_6000_Ada"),
        ("NVIDIA GeForce RTX 3060", "RTX_3060"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "RTX_4090_Laptop"),
        ("Tesla V100-SXM2-16GB", "V100_16GB"),
        ("Tesla T4", "T4"),
        ("Radeon RX 7900 XTX", "RX_7900_XTX"),
        # labels of Kubernetes: nvidia.com/gpu.product, cloud.google.com/gke-accelerator
        ("NVIDIA-A100-SXM4-80GB", "A100_80GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100_SXM"),
        ("NVIDIA-A100-SXM4-80GB-SHARED", "A100_80GB"),
        ("nvidia-tesla-t4", "T4"),
        ("nvidia-l4", "L4"),
        ("nvidia-h100-80gb", "H100_SXM"),
        ("nvidia-rtx-pro-6000", "RTX_PRO_6000_Server"),
        ("nvidia-tesla-p100", "P100_PCIe_16GB"),
        ("nvidia-tesla-v100", "V100_16GB"),
        ("nvidia-tesla-a100", "A100_40GB"),
        # processors
        ("Intel(R) Xeon(R) Platinum 8480+", "Xeon_Platinum_8480Plus"),
        ("AMD EPYC 9654", "EPYC_9654"),
        # with a word that says nothing
        ("H100 GPU", "H100_SXM"),
        ("H100 Tensor Core GPU", "H100_SXM"),
    ],
)
def test_names_are_found_as_tools_and_clusters_report_them(reported: str, name: str) -> None:
    assert find_devices(reported) == (get_accelerator(name), None)


@each(
    ("typed", "name", "count"),
    [
        ("p5.48xlarge", "H100_SXM", 8),
        ("a3-highgpu-8g", "H100_SXM", 8),
        ("Standard_ND96isr_H100_v5", "H100_SXM", 8),
        ("ND96isr_H100_v5", "H100_SXM", 8),
        ("p4d.24xlarge", "A100_40GB", 8),
        ("g6e.48xlarge", "L40S", 8),
        ("trn1.32xlarge", "Trainium_1", 16),
        ("8xH100", "H100_SXM", 8),
        ("8x H100 SXM", "H100_SXM", 8),
        ("8 x H100", "H100_SXM", 8),
        ("8 × H100", "H100_SXM", 8),  # noqa: RUF001 - people type it
        ("8*H100", "H100_SXM", 8),
        ("H100 x8", "H100_SXM", 8),
        ("H100x8", "H100_SXM", 8),
        ("H100:8", "H100_SXM", 8),
        ("8 H100s", "H100_SXM", 8),
        ("8xL40S", "L40S", 8),
        ("2 x A100-80GB", "A100_80GB", 2),
        ("1xT4", "T4", 1),
        ("DGX H100", "H100_SXM", 8),
        ("HGX H200", "H200", 8),
        ("HGX H200 4-GPU", "H200", 4),
        ("DGX B200", "B200", 8),
        ("DGX GB200", "GB200", 72),
        ("GB200 NVL72", "GB200", 72),
        ("2x GB200 NVL72", "GB200", 144),
        ("GB200-NVL72:1", "GB200", 72),
        ("DGX GB200 NVL72", "GB200", 72),
        ("NVIDIA GB300 NVL72", "GB300", 72),
        ("GH200 NVL2", "GH200_144GB", 2),
        ("Trn2 UltraServer", "Trainium_2", 64),
        ("CloudMatrix 384", "Ascend_910C_Die", 768),
        ("AMD Instinct MI250X", "MI250X_GCD", 2),
        ("4x MI250", "MI250_GCD", 8),
        ("MI250X_GCD", "MI250X_GCD", None),
        ("Intel Data Center GPU Max 1550", "Max_1550_Stack", 2),
        ("Qualcomm Cloud AI 100 Ultra", "Cloud_AI_100_Ultra_SoC", 4),
        ("Ascend 910C", "Ascend_910C_Die", 2),
        ("Atlas 300I Duo", "Atlas_300I_Duo_Chip", 2),
        ("Tenstorrent Wormhole n300d", "Wormhole_n300_Chip", 2),
        ("ml.p5.48xlarge", "H100_SXM", 8),
        ("TPU v5e-8", "TPU_v5e", 8),
        ("H100 8-GPU", "H100_SXM", 8),
        ("two 3090s", "RTX_3090", 2),
        ("dual RTX 3090", "RTX_3090", 2),
        ("8x H100 80GB SXM5", "H100_SXM", 8),
        ("4x MI300X OAM", "MI300X", 4),
        ("2 x DGX H100", "H100_SXM", 16),
        ("2 x p5.48xlarge", "H100_SXM", 16),
        ("DGX Spark", "GB10", None),
        ("RX 7900 XTX", "RX_7900_XTX", None),  # no 7900 of anything
        ("4090", "RTX_4090", None),
    ],
)
def test_a_count_in_a_name_is_read(typed: str, name: str, count: int | None) -> None:
    assert find_devices(typed) == (get_accelerator(name), count)
    assert get_accelerator(typed).name == name


@each("typed", ["8xH10O", "0xH100", "8x", "x8", "8", "hgx", "DGX Nothing", "8xA100:8", "4090 4090"])
def test_a_count_of_nothing_that_is_known_is_unknown(typed: str) -> None:
    with pytest.raises(UnknownHardwareError, match=r"is not in the catalogue"):
        find_devices(typed)


def test_the_nearest_of_a_counted_name_is_of_the_name_alone() -> None:
    with pytest.raises(UnknownHardwareError, match="Did you mean H100"):
        find_devices("8xH10O")


@pytest.mark.parametrize("typed", ["8xA100", "A100:8", "DGX A100"])
def test_a_count_does_not_make_a_name_less_ambiguous(typed: str) -> None:
    with pytest.raises(
        AmbiguousHardwareError, match=r"A100_40GB \(40 GB, 1,555 GB/s\) or A100_80GB \(80 GB, 2,039 GB/s\)"
    ):
        find_devices(typed)
    assert find_devices(typed, if_ambiguous="A100_80GB") == (get_accelerator("A100_80GB"), 8)


def test_a_stated_default_decides_among_the_readings_and_nothing_else() -> None:
    assert get_accelerator("A100", if_ambiguous="A100_80GB").name == "A100_80GB"
    assert get_accelerator("H200", if_ambiguous="A100_80GB").name == "H200"
    assert get_hardware_config("A100", if_ambiguous="A100_40GB")["Memory_size"] == 40
    with pytest.raises(AmbiguousHardwareError):
        get_accelerator("A100", if_ambiguous="H100")
    with pytest.raises(UnknownHardwareError):
        get_accelerator("no such thing", if_ambiguous="A100_80GB")


@pytest.mark.parametrize(
    "typed",
    ["NVIDIA A100-SXM4-80GB MIG 1g.10gb", "nvidia/mig-1g.5gb", "NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", "MIG 7g.80gb"],
)
def test_a_slice_is_not_taken_for_the_whole_device(typed: str) -> None:
    with pytest.raises(UnknownHardwareError, match=r"is a MIG slice.*Give the slice as a dict"):
        find_devices(typed)
    assert typed not in HARDWARE_CONFIGS


@pytest.mark.parametrize("name", ["x" * 10**6, "8x" + " " * 10**6, "H100" + "\n" * 10**6 + "x", "DGX " + "_" * 10**6])
def test_a_name_that_is_no_name_takes_no_time(name: str) -> None:
    with pytest.raises(UnknownHardwareError, match="has up to 256 characters"):
        find_devices(name)
    assert not match_device({"name": name})


@pytest.mark.parametrize("name", [None, 3, b"H100", ["H100"]])
def test_a_name_is_a_string(name: Any) -> None:
    with pytest.raises(InvalidHardwareError, match="must be text"):
        find_devices(name)
