"""Names as forums, shops, clouds and machines write them: what is certain is answered, what is not is refused.

The parts are what their makers' pages say; the spellings are those of nvidia-smi, lspci, rocm-smi, shops and forums.
"""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, strategies as st

from llm_memory_hardware import (
    Accelerator,
    AmbiguousHardwareError,
    CalculatorError,
    UnknownHardwareError,
    all_accelerators,
    find_devices,
    get_accelerator,
    match_device,
    memory_said,
)

from ..rows import each

# --- one reading -----------------------------------------------------------------------------------------------------

MEMORY_AND_FORM = {
    "NVIDIA H100 SXM5 80 GB HBM3": "H100_SXM",
    "H100-80GB-SXM5": "H100_SXM",
    "H100 SXM (80GB)": "H100_SXM",
    "(H100) SXM5, 700W": "H100_SXM",
    "h100 pcie 80gb (350W)": "H100_PCIe",
    "PCIe H100": "H100_PCIe",
    "H100 94GB NVL PCIe": "H100_NVL",
    "NVIDIA H200 141GB SXM5 HBM3e": "H200",
    "H200 NVL PCIe 141 GB": "H200_NVL",
    "B200-SXM-180GB": "B200",
    "NVIDIA B200 180GB HBM3e SXM6": "B200",
    "A100-80GB SXM": "A100_80GB",
    "NVIDIA A100 Tensor Core GPU 80GB (SXM)": "A100_80GB",
    "Nvidia Tesla A100 80 GB SXM4": "A100_80GB",
    "40 GB A100 SXM4": "A100_40GB",
    "A100 40 GB PCIe": "A100_PCIe_40GB",
    "A100 80G PCIe 4.0 x16": "A100_PCIe_80GB",
    "V100 SXM2 NVLink 32GB": "V100_32GB",
    "Tesla P40 24GB": "P40",
    "Tesla P40 24GB GDDR5 PCIe": "P40",
    "Tesla T4 16GB GDDR6": "T4",
    "Colab T4 (15GB)": "T4",  # what its runtime shows
    "Nvidia L4 24 GB GPU": "L4",
    "L40S 48 GB GDDR6 PCIe": "L40S",
    "Nvidia A10G (24 GB)": "A10G",
    "GH200 Grace Hopper 96GB HBM3": "GH200_96GB",
    "GH200 144GB": "GH200_144GB",
    "H20 141GB": "H20_141GB",
    "AMD Instinct MI300X 192GB HBM3 OAM": "MI300X",
    "MI355X OAM 288GB": "MI355X",
    "MI210 PCIe 64GB": "MI210",
    "AMD Instinct MI300X VF": "MI300X",
    "Intel Gaudi 3 128GB HBM2e OAM": "Gaudi_3",
    "Habana Gaudi2 96 GB": "Gaudi_2",
    "Ascend 910B2 64GB": "Ascend_910B2",
    "Huawei 910B4 (32 GB)": "Ascend_910B4",
    "TPU v5e 16GB": "TPU_v5e",
    "Google Cloud TPU v5p 95GB": "TPU_v5p",  # GiB, as Google counts
    "TPU v6e (Trillium) 32GB": "TPU_v6e",
    "AWS Trainium2 96GB": "Trainium_2",
    "Inferentia2 32GB": "Inferentia_2",
    "Cerebras WSE-3 44GB SRAM": "WSE_3",
    "Tenstorrent Wormhole n150d 12GB": "Wormhole_n150",
    "Groq LPU 230MB": "GroqChip_1",
    "MLU370 X8 48GB": "MLU370_X8",
    "A 100 SXM 80GB": "A100_80GB",
    "L 40 S": "L40S",
    "MI 300X": "MI300X",
}
CARDS = {
    "4090 RTX 24GB": "RTX_4090",
    "RTX 4090 (24GB VRAM)": "RTX_4090",
    "RTX4090 w/24GB": "RTX_4090",
    "RTX 4090 with 24 GB of VRAM": "RTX_4090",
    "GeForce RTX 3090 24GB GDDR6X (384-bit)": "RTX_3090",
    "desktop RTX 3090": "RTX_3090",
    "RTX4070TiSuper 16GB": "RTX_4070_Ti_SUPER",
    "4060Ti (16 GB)": "RTX_4060_Ti_16GB",
    "rtx-4060-ti-8gb": "RTX_4060_Ti_8GB",
    "RTX 3080 12G": "RTX_3080_12GB",
    "MacBook Pro (14-inch, M4 Max, 36GB)": "Apple_M4_Max_32_core",
    # the same part for one socket, and without graphics
    "EPYC 9654P": "EPYC_9654",
    "7713P": "EPYC_7713",
    "i5-12400F": "Core_i5_12400",
    "Intel Core i7-14700F": "Core_i7_14700",
    "RTX 2060 (12GB)": "RTX_2060_12GB",
    "RTX 2060 6GB": "RTX_2060",
    "6000 Ada RTX 48GB": "RTX_6000_Ada",
    "A6000 RTX 48 GB": "RTX_A6000",
    "RTX 8000 Quadro": "Quadro_RTX_8000",
    "RTX 4090 Ada Lovelace": "RTX_4090",
    "RTX PRO 5000 Blackwell 72GB GDDR7": "RTX_PRO_5000_72GB",
    "RTX PRO 6000 Blackwell Max-Q 96GB": "RTX_PRO_6000_Max_Q",
    "RTX PRO 6000 Server 96GB": "RTX_PRO_6000_Server",
    "RTX 5090 laptop 24GB GDDR7": "RTX_5090_Laptop",
    "laptop RTX 4090 16GB": "RTX_4090_Laptop",
    "GeForce RTX 4070 (notebook)": "RTX_4070_Laptop",
    "Radeon 7900 XTX 24GB": "RX_7900_XTX",
    "XTX 7900": "RX_7900_XTX",
    "RX 9060 XT 8 GB": "RX_9060_XT_8GB",
    "Radeon PRO W7800 with 48GB": "Radeon_PRO_W7800_48GB",
    "AMD Radeon AI PRO R9700 32 GB": "Radeon_AI_PRO_R9700",
    "Intel Arc A770 16GB Graphics": "Arc_A770_16GB",
    "Arc Pro B60 24GB GDDR6": "Arc_Pro_B60",
}
OTHER_SELLERS = {
    "EVGA RTX 3090 FTW3 Ultra Gaming 24GB": "RTX_3090",
    "MSI GeForce RTX 4090 SUPRIM X 24G": "RTX_4090",
    "MSI RTX 3060 Ventus 2X 12G OC": "RTX_3060",
    "Gigabyte GeForce RTX 4070 Ti SUPER Gaming OC 16G": "RTX_4070_Ti_SUPER",
    "ASUS ROG Strix GeForce RTX 4090 OC 24GB": "RTX_4090",
    "ASUS Dual RTX 4060 OC": "RTX_4060",
    "ASUS TUF Gaming RTX 5090 32GB": "RTX_5090",
    "ZOTAC Trinity RTX 4080 Super": "RTX_4080_SUPER",
    "RTX 4090 Founders Edition": "RTX_4090",
    "EVGA GTX 1070 8GB FTW": "GTX_1070",
    "ASUS ROG Astral RTX 5090 32GB OC": "RTX_5090",
    "DGX Spark 128GB 4TB": "GB10",
    "PNY RTX A6000 48GB": "RTX_A6000",
    "Sapphire Nitro+ Radeon RX 7900 XTX 24GB": "RX_7900_XTX",
    "XFX Merc 310 7900 XT": "RX_7900_XT",
    "PowerColor Red Devil RX 6800 XT 16GB": "RX_6800_XT",
    "Sparkle Intel Arc B580 12GB": "Arc_B580",
    "DGX Spark GB10": "GB10",
    "ASUS Ascent GX10": "GB10",
    "NVIDIA GB10 Grace Blackwell Superchip": "GB10",
    "ASUS Ascent GX10 (GB10, 128GB)": "GB10",
    "Dell Pro Max with GB10": "GB10",
    "HP ZGX Nano G1n": "GB10",
    "Lenovo ThinkStation PGX": "GB10",
    "MSI EdgeXpert": "GB10",
    "Gigabyte AI TOP ATOM 128GB": "GB10",
    "Jetson AGX Orin 64 GB Developer Kit": "Jetson_AGX_Orin_64GB",
    "Jetson Orin Nano Super 8GB": "Jetson_Orin_Nano_8GB",
    "AWS H100": "H100_SXM",
    "Azure H200 141GB": "H200",
}
ONE_LETTER_WRONG = {
    "Telsa T4": ("telsa", "tesla", "T4"),
    "Gefroce RTX 4090": ("gefroce", "geforce", "RTX_4090"),
    "nvida L40S": ("nvida", "nvidia", "L40S"),
    "Instict MI300X 192GB": ("instict", "instinct", "MI300X"),
    "M4 Maxx": ("maxx", "max", "Apple_M4_Max"),
    "RTX 4070 Supr": ("supr", "super", "RTX_4070_SUPER"),
    "Rdeon RX 7900 XTX": ("rdeon", "radeon", "RX_7900_XTX"),
    "RXT 4090 24GB": ("rxt", "rtx", "RTX_4090"),
    "Jetson Orin Nanno 8GB": ("nanno", "nano", "Jetson_Orin_Nano_8GB"),
    "Quadra RTX 8000": ("quadra", "quadro", "Quadro_RTX_8000"),
}
REPORTED = {
    "GH100 [H100 SXM5 80GB]": "H100_SXM",
    "AD104GL [L4]": "L4",
    "Aqua Vanjaram [Instinct MI300X]": "MI300X",
    "01:00.0 3D controller: NVIDIA Corporation GA100 [A100 SXM4 80GB] (rev a1)": "A100_80GB",
    "VGA compatible controller: NVIDIA Corporation AD102 [GeForce RTX 4090] (rev a1)": "RTX_4090",
    "NVIDIA Corporation GA102GL [RTX A6000]": "RTX_A6000",
    "GB202 [GeForce RTX 5090]": "RTX_5090",
    "GB20B [GB10]": "GB10",
    "GH100 [GH200 120GB / 480GB]": "GH200_96GB",
    "GP102GL [Tesla P40]": "P40",
    "Aldebaran/MI200 [Instinct MI210]": "MI210",
    "Battlemage G21 [Arc B580]": "Arc_B580",
    "Intel(R) Xeon(R) Platinum 8480+ @ 2.00GHz": "Xeon_Platinum_8480Plus",
    "Intel(R) Xeon(R) 6787P": "Xeon_6787P",
    "Intel(R) Xeon(R) Platinum 8488C": "Xeon_Platinum_8488C",
    "8488C": "Xeon_Platinum_8488C",
    "AMD EPYC 7763 64-Core Processor": "EPYC_7763",
    "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S": "Ryzen_AI_Max_Plus_395",
    "NVIDIA-A100-SXM4-80GB-SHARED": "A100_80GB",
    # nvidia-smi's MiB, of which a card has what its GB say, less what the driver keeps
    "NVIDIA GeForce RTX 3090, 24576 MiB": "RTX_3090",
    "NVIDIA A100-SXM4-80GB, 81920 MiB": "A100_80GB",
    "A100 81920MiB": "A100_80GB",
    "H100 81559MiB": "H100_SXM",
    "T4 15360MiB": "T4",
    "L4 23034MiB": "L4",
    "A6000 49140MiB": "RTX_A6000",
    "2080 Ti 22528MiB": "RTX_2080_Ti_22GB",
    "NVIDIA GeForce RTX 4090, 49140 MiB": "RTX_4090_48GB",
    "NVIDIA B200, 183359 MiB": "B200",
    "NVIDIA GeForce RTX 2080 Ti, 11264MB": "RTX_2080_Ti",
    "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-1e8f0b6a-26c4-5e03-9e2c-3d1a4c5b6d7e)": "RTX_4090",
    "Chipset Model: Apple M1 Pro": "Apple_M1_Pro",
    "Model name: AMD EPYC 7763 64-Core Processor": "EPYC_7763",
    "nvidia.com/gpu.product=NVIDIA-A100-SXM4-80GB": "A100_80GB",
    "TU102 [GeForce RTX 2080 Ti Rev. A]": "RTX_2080_Ti",
    "AD103M / GN21-X11 [GeForce RTX 4090 Laptop GPU]": "RTX_4090_Laptop",
    "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super": "Jetson_Orin_Nano_8GB",
    "Intel(R) Core(TM) i5-10400 CPU @ 2.90GHz": "Core_i5_10400",
}


@each(("written", "name"), [*MEMORY_AND_FORM.items(), *CARDS.items(), *OTHER_SELLERS.items()])
def test_what_agrees_does_not_hide_what_tells(written: str, name: str) -> None:
    found, count = find_devices(written)
    assert (found, count) == (get_accelerator(name), None)
    assert found.reading is None


@each(("reported", "name"), REPORTED.items())
def test_a_machine_s_own_words_are_read_alike_wherever_they_are_given(reported: str, name: str) -> None:
    assert get_accelerator(reported) == get_accelerator(name)
    assert match_device({"name": reported}).accelerator == get_accelerator(name)


@each(("written", "slip"), ONE_LETTER_WRONG.items())
def test_one_slip_in_a_word_is_mended_and_said(written: str, slip: tuple[str, str, str]) -> None:
    wrong, right, name = slip
    found = get_accelerator(written)
    assert found == get_accelerator(name)
    assert found.reading == f"{wrong!r} in the name {written!r} was read as {right!r}, and {name} was taken."
    match = match_device({"name": written})
    assert (match.accelerator, match.confidence) == (found, "likely")
    assert f"{wrong!r}" in match.reason


@each(
    ("written", "name", "memory_gb"),
    [
        ("MacBook Air M1 8GB", "Apple_M1", 8),
        ("MacBook Pro M3 16GB", "Apple_M3", 16),  # no M3 Pro
        ("MacBook Pro 14 M3 Pro 18GB", "Apple_M3_Pro", 18),
        ('MacBook Pro 16" M3 Max 64GB', "Apple_M3_Max", 64),
        ("16-inch MacBook Pro (M1 Max, 32-core GPU) 64GB", "Apple_M1_Max", 64),
        ("Mac mini M4 Pro 64GB", "Apple_M4_Pro", 64),
        ("Mac Studio (M3 Ultra, 512GB)", "Apple_M3_Ultra", 512),
        ("M2 Max 38-core 96GB", "Apple_M2_Max", 96),
        ("Apple M2 Pro 12-core CPU 19-core GPU 32GB", "Apple_M2_Pro", 32),
        ("M4 Max (40-core GPU) 128 GB unified memory", "Apple_M4_Max", 128),
        ("M3 Max 14-core 36GB", "Apple_M3_Max_30_core", 36),
        ("iMac M3 24GB", "Apple_M3", 24),
        ("MacBook Pro M4 Max 64GB, 1TB SSD", "Apple_M4_Max", 64),
        ("Strix Halo 8060S 128GB", "Ryzen_AI_Max_Plus_395", 128),
        ("Framework Desktop Ryzen AI Max+ 395 64GB", "Ryzen_AI_Max_Plus_395", 64),
        ("HP ZBook Ultra Ryzen AI Max+ PRO 395 128GB", "Ryzen_AI_Max_Plus_395", 128),
        ("Beelink GTR9 Pro AI Max+ 395 96GB", "Ryzen_AI_Max_Plus_395", 96),
        ("Framework Desktop 64GB", "Ryzen_AI_Max_Plus_395", 64),
        ("GMKtec EVO-X2 AI Max+ 395 (128GB)", "Ryzen_AI_Max_Plus_395", 128),
        ("GMKtec EVO-X2 128GB", "Ryzen_AI_Max_Plus_395", 128),
        ("Minisforum MS-S1 Max 128GB", "Ryzen_AI_Max_Plus_395", 128),
        ("Radeon 780M 2x16GB", "Radeon_780M", 32),
        ("Framework Desktop 32GB", "Ryzen_AI_Max_385", 32),
        ("MacBook Air (M2, 2022) 16GB", "Apple_M2", 16),
        ("MacBook Pro (14-inch, Nov 2023, M3 Pro) 18GB", "Apple_M3_Pro", 18),
        ("iMac (24-inch, M3, 2023) 16GB", "Apple_M3", 16),
        ("Mac mini (2024) M4 Pro 48GB", "Apple_M4_Pro", 48),
        ("Mac Studio 2025 M3 Ultra 256GB", "Apple_M3_Ultra", 256),
        ("MacBook Air M4 16GB/256GB", "Apple_M4", 16),
        ("MacBook Pro M4 Pro 24GB 512GB", "Apple_M4_Pro", 24),
        ("EPYC 9654 12-channel DDR5-4800 768GB", "EPYC_9654", 768),
        ("Ryzen 7950X3D 128GB dual channel", "Ryzen_9_7950X3D", 128),
        ("EPYC 7763 (64 cores) 512 GB", "EPYC_7763", 512),
        ("AMD EPYC 9654 96-Core 1.5TB DDR5", "EPYC_9654", 1500),
    ],
)
def test_memory_that_is_fitted_to_order_is_read_among_other_words(written: str, name: str, memory_gb: float) -> None:
    found = get_accelerator(written)
    assert found == get_accelerator(name).with_memory(round(memory_gb * 10**9))


@each(
    ("written", "name", "count"),
    [
        ("8x NVIDIA H100 80GB SXM5 GPUs", "H100_SXM", 8),
        ("8 x NVIDIA A100 (80GB) SXM4", "A100_80GB", 8),
        ("dual 4090 RTX 24GB", "RTX_4090", 2),
        ("3090 x2 (24GB each)", "RTX_3090", 2),
        ("RTX 3090 2x 24GB", "RTX_3090", 2),
        ("MSI RTX 3090 2x", "RTX_3090", 2),
        ("quad 3090", "RTX_3090", 4),
        ("triple RTX 3090 24GB", "RTX_3090", 3),
        ("3090+3090", "RTX_3090", 2),
        ("RTX 3090 + 3090", "RTX_3090", 2),
        ("RTX 3090, RTX 3090", "RTX_3090", 2),
        ("RTX 3090 & RTX 3090 & RTX 3090", "RTX_3090", 3),
        ("2S EPYC 9755", "EPYC_9755", 2),
        ("EPYC 9755 (2 sockets)", "EPYC_9755", 2),
        ("EPYC 9755 2-socket", "EPYC_9755", 2),
        ("dual-socket EPYC 9654", "EPYC_9654", 2),
        ("DGX H100 640GB", "H100_SXM", 8),
        ("DGX A100 320GB", "A100_40GB", 8),
        ("HGX A100 8-GPU 640GB", "A100_80GB", 8),
        ("HGX A100 8x 80GB", "A100_80GB", 8),
        ("MI250X 128GB OAM", "MI250X_GCD", 2),
        ("PVC-Max1550", "Max_1550_Stack", 2),
        ("Huawei Ascend 910C 128GB", "Ascend_910C_Die", 2),
        ("Tenstorrent n300 24GB", "Wormhole_n300_Chip", 2),
        ("u-p6e-gb200x72", "GB200", 72),
        ("ml.u-p6e-gb200x36", "GB200", 36),
        ("Standard_NC128ds_xl_RTXPRO6000BSE_v6", "RTX_PRO_6000_Server", 1),
        ("2x AMD EPYC 9654 96-Core", "EPYC_9654", 2),
    ],
)
def test_a_count_is_read_among_other_words(written: str, name: str, count: int) -> None:
    assert find_devices(written) == (get_accelerator(name), count)


@pytest.mark.parametrize(("instance", "memory_gb"), [("g6f.xlarge", 3), ("gr6f.4xlarge", 12), ("g6f.2xlarge", 6)])
def test_a_cloud_s_share_of_a_card_is_that_share(instance: str, memory_gb: float) -> None:
    assert get_accelerator(instance).memory_gb == pytest.approx(memory_gb, rel=0.08)  # GiB


@each(
    ("written", "name", "memory_gb"),
    [
        ("EPYC 7713 8x32GB", "EPYC_7713", 256),
        ("8x32GB EPYC 7713", "EPYC_7713", 256),
        ("EPYC 7713 256GB (8x32GB)", "EPYC_7713", 256),
        ("EPYC 9654 24 x 32GB", "EPYC_9654", 768),
        ("Xeon Platinum 8480+ 8x64GB", "Xeon_Platinum_8480Plus", 512),
        ("Ryzen 9 7950X 4x32GB", "Ryzen_9_7950X", 128),
        ("Ryzen 5600X (2x8GB)", "Ryzen_5_5600X", 16),
        ("i9-14900K 2x32GB DDR5", "Core_i9_14900K", 64),
        ("i9-14900K 32GB x2", "Core_i9_14900K", 64),
        ("Threadripper 3970X 8x16GB", "Threadripper_3970X", 128),
    ],
)
def test_a_count_before_a_size_beside_a_processor_is_modules_of_memory(
    written: str, name: str, memory_gb: float
) -> None:
    assert find_devices(written) == (get_accelerator(name).with_memory(round(memory_gb * 10**9)), None)


@pytest.mark.parametrize("written", ["2x EPYC 9654 24x32GB", "dual EPYC 9654 12x64GB", "Ryzen 5600X 8x32GB"])
def test_modules_never_make_processors(written: str) -> None:
    with pytest.raises(UnknownHardwareError, match=r"of one EPYC_9654 or of all|says 256 GB of memory"):
        find_devices(written)


@pytest.mark.parametrize(
    ("written", "name", "count"),
    [
        ("8x H200 141GB", "H200", 8),
        ("8x H200 141GB (1128GB)", "H200", 8),
        ("2x3090 48GB total", "RTX_3090", 2),
        ("2x A100 80GB", "A100_80GB", 2),
        ("2x A100 80GB total", "A100_40GB", 2),
        ("2x RTX 4090 48GB", "RTX_4090_48GB", 2),
        ("2x EPYC 9654 768GB total", "EPYC_9654_384GB", 2),
    ],
)
def test_a_memory_of_all_agrees_with_their_count(written: str, name: str, count: int) -> None:
    assert find_devices(written) == (get_accelerator(name), count)


# GiB and sockets of AWS's pages: 2 GiB a virtual processor of c, 4 of m, 8 of r, 16 of x.
@each(
    ("instance", "gib", "sockets"),
    [
        ("c7i.24xlarge", 192, 1),
        ("c7i.48xlarge", 384, 2),
        ("m7i.48xlarge", 768, 2),
        ("m7i.metal-24xl", 384, 1),
        ("r7i.48xlarge", 1536, 2),
        ("c8g.24xlarge", 192, 1),
        ("x8g.48xlarge", 3072, 2),
        ("c7g.16xlarge", 128, 1),
        ("r7g.metal", 512, 1),
    ],
)
def test_an_instance_has_its_memory_and_not_the_most_of_a_socket(instance: str, gib: int, sockets: int) -> None:
    found, count = find_devices(instance)
    assert (found.memory_bytes * sockets, count) == (gib * 2**30, sockets)
    assert not found.memory_is_maximum
    assert [price.instance for price in found.prices] in ([], [instance])
    assert get_accelerator(found.name).memory_bytes == found.memory_bytes
    assert find_devices(f"2x {instance}") == (found, 2 * sockets)


# TFLOPS of fp32: 128 units a core, two operations a cycle, at the clock of the chip.
@each(
    ("written", "tflops", "said"),
    [
        ("M1 Max 24-core GPU 32GB", 7.96, False),
        ("M1 Max 32-core GPU 32GB", 10.6, False),
        ("M2 Ultra 60 core 128GB", 21.5, True),
        ("M3 Ultra 60-core GPU 96GB", 21.2, False),
        ("M1 Ultra 48-core", 15.9, True),
        ("M4 Pro 16-core", 6.46, True),
        ("M1 Pro 14-core GPU", 4.65, False),
        ("M2 Pro 12-core CPU 16-core GPU", 5.73, False),
        ("M2 8-core CPU 10-core GPU", 3.58, False),
        ("M4 10-core CPU 8-core GPU 16GB", 3.01, False),
        ("M1 7-core", 2.29, True),
        ("M1 Max 10-core", 10.6, False),
        ("M3 Max 30-core 36GB", 10.6, False),
    ],
)
def test_fewer_cores_of_an_apple_gpu_have_their_share_of_its_rate(written: str, tflops: float, said: bool) -> None:
    found = get_accelerator(written)
    assert found.peak_flops["fp32"] / 1e12 == pytest.approx(tflops, rel=4e-3)
    assert (found.reading is not None) == said
    assert get_accelerator(found.name) == found


@pytest.mark.parametrize(
    ("written", "gb", "announced"), [("B200", 180, 192), ("GB200", 186, 192), ("B300", 270, 288), ("GB300", 279, 288)]
)
def test_the_memory_that_was_announced_agrees_and_what_there_is_is_said(written: str, gb: int, announced: int) -> None:
    found, count = find_devices(f"8x {written} {announced}GB")
    assert (found, count, found.memory_gb) == (get_accelerator(written), 8, gb)
    assert found.reading is not None
    assert f"{announced} GB in the name are what was announced, of which the product offers {gb} GB" in found.reading
    assert get_accelerator(f"{written} {gb}GB").reading is None


# --- several readings, and none --------------------------------------------------------------------------------------


@each(
    ("written", "listed"),
    [
        ("A100", "A100_40GB (40 GB, 1,555 GB/s) or A100_80GB (80 GB, 2,039 GB/s)"),
        ("NVIDIA A100 SXM4 GPU", "A100_40GB (40 GB, 1,555 GB/s) or A100_80GB (80 GB, 2,039 GB/s)"),
        ("Jetson Thor", "Jetson_T4000 (64 GB, 273 GB/s) or Jetson_T5000 (128 GB, 273 GB/s)"),
        ("MI300", "MI300A (128 GB, 5,300 GB/s) or MI300X (192 GB, 5,300 GB/s)"),
        ("Groq LPU", "GroqChip_1 (0.23 GB, 80,000 GB/s) or Groq_3_LPU (0.5 GB, 150,000 GB/s)"),
        ("Ponte Vecchio", "Max_1100 (48 GB, 1,228.8 GB/s) or 2 x Max_1550_Stack (64 GB"),
        ("Strix Halo", "Ryzen_AI_Max_390 (128 GB, 256 GB/s, 45.9 TFLOPS) or Ryzen_AI_Max_Plus_395 (128 GB"),
        ("RX 9060 XT", "RX_9060_XT_16GB (16 GB, 320 GB/s) or RX_9060_XT_8GB (8 GB, 320 GB/s)"),
        ("NVIDIA Thor", "Jetson_T4000 (64 GB, 273 GB/s) or Jetson_T5000 (128 GB, 273 GB/s)"),
        ("Tesla P100 16GB", "P100_PCIe_16GB (16 GB, 732 GB/s, 18.7 TFLOPS) or P100_SXM2_16GB (16 GB, 732 GB/s, 21.2"),
        ("Ascend910", "Ascend_910A (32 GB"),
        ("Ascend 910B 64GB", "Ascend_910B2 (64 GB"),
        ("gfx942", "MI300A (128 GB, 5,300 GB/s), MI300X (192 GB, 5,300 GB/s) or MI325X (256 GB, 6,000 GB/s)"),
        ("Orin (nvgpu)", "Jetson_AGX_Orin_32GB (32 GB, 204.8 GB/s), Jetson_AGX_Orin_64GB"),
        ("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900M]", "RX_7900_XT (20 GB, 800 GB/s) or RX_7900_XTX (24 GB, 960"),
        ("Navi 31 [Radeon RX 7900 XTX/7900M]", "RX_7900_XTX (24 GB, 960 GB/s) and others that the catalogue does not"),
        ("Navi 44 [Radeon RX 9060 XT]", "RX_9060_XT_16GB (16 GB, 320 GB/s) or RX_9060_XT_8GB"),
        (
            "Aldebaran/MI200 [Instinct MI250X/MI250]",
            "MI250X_GCD (64 GB, 1,638.4 GB/s, 191.5 TFLOPS) or MI250_GCD (64 GB",
        ),
        ("Cloud AI 100", "4 x Cloud_AI_100_Ultra_SoC"),
        ("RTX 4060 Ti GPU", "RTX_4060_Ti_16GB (16 GB, 288 GB/s) or RTX_4060_Ti_8GB (8 GB, 288 GB/s)"),
        ("A100 PCIe GPU", "A100_PCIe_40GB (40 GB, 1,555 GB/s) or A100_PCIe_80GB (80 GB, 1,935 GB/s)"),
        ("RTX 3080 laptop GPU", "RTX_3080_Laptop_16GB (16 GB, 448 GB/s) or RTX_3080_Laptop_8GB (8 GB"),
        ("RTX PRO 6000 96GB GDDR7", "RTX_PRO_6000_Max_Q (96 GB, 1,792 GB/s"),
        ("M5 Max 18-core", "Apple_M5_Max (128 GB, 614 GB/s) or Apple_M5_Max_32_core (36 GB, 460 GB/s)"),
    ],
)
def test_what_is_left_is_listed_with_its_difference(written: str, listed: str) -> None:
    with pytest.raises(AmbiguousHardwareError) as caught:
        get_accelerator(written)
    message = str(caught.value)
    assert listed in message
    assert message.endswith("Name one.")
    assert not match_device({"name": written})


def test_of_several_that_hold_the_same_the_least_is_taken_where_memory_alone_is_asked() -> None:
    for written, count in (("RTX PRO 6000", None), ("RTX PRO 6000 Blackwell 96 GB", None), ("2x RTX PRO 6000", 2)):
        least, number = find_devices(written, memory_alone=True)
        assert (least, number) == (get_accelerator("RTX_PRO_6000_Server"), count)  # 1,597 of 1,792 GB/s
        assert least.reading is not None
        assert "RTX_PRO_6000_Workstation (96 GB, 1,792 GB/s" in least.reading
        assert "RTX_PRO_6000_Server, the least of them, was taken" in least.reading
        with pytest.raises(AmbiguousHardwareError):
            find_devices(written)
    for written in ("A100", "V100 SXM2", "RX 9060 XT", "NVIDIA Thor", "Cloud AI 100", "gfx942"):
        with pytest.raises(AmbiguousHardwareError):
            get_accelerator(written, memory_alone=True)


@pytest.mark.parametrize(
    ("reported", "memory_gb", "name"),
    [
        ("Navi 31 [Radeon RX 7900 XT/7900 XTX/7900M]", 24, "RX_7900_XTX"),
        ("Navi 31 [Radeon RX 7900 XTX/7900M]", 24, "RX_7900_XTX"),
        ("gfx942", 192, "MI300X"),
        ("Orin (nvgpu)", 64, "Jetson_AGX_Orin_64GB"),
        ("NVIDIA Thor", 128, "Jetson_T5000"),
        ("AMD Radeon RX 9060 XT", 8, "RX_9060_XT_8GB"),
        ("Navi 44 [Radeon RX 9060 XT]", 16, "RX_9060_XT_16GB"),
    ],
)
def test_the_memory_that_is_reported_tells_which_of_several(reported: str, memory_gb: float, name: str) -> None:
    match = match_device({"name": reported, "memory_gb": memory_gb})
    assert (match.accelerator, match.confidence) == (get_accelerator(name), "likely")


CONTRADICTED = [
    # a memory that no such part has
    ("H100 40GB", "says 40 GB of memory, and H100_SXM has 80 GB"),
    ("A100 96GB", "says 96 GB"),
    ("RTX 4090 32GB", "says 32 GB of memory, and RTX_4090 has 24 GB"),
    ("RTX 2060 8GB", "Did you mean RTX_2060"),
    ("M1 Max 128GB", "can have up to 64 GB"),
    ("MacBook Air M2 64GB", "can have up to 24 GB"),
    ("n300 48GB", "says 48 GB"),
    ("DGX H100 320GB", "says 320 GB"),
    # a memory that it was never sold with
    ("Apple M2 Max 16GB", "Apple_M2_Max is sold with 32, 64 or 96 GB"),
    ("M1 Max 16GB", "Apple_M1_Max is sold with 32 or 64 GB"),
    ("M3 Pro 24GB", "Apple_M3_Pro is sold with 18 or 36 GB"),
    ("M4 12GB", "Apple_M4 is sold with 16, 24 or 32 GB"),
    ("M2 Ultra 32GB", "Apple_M2_Ultra is sold with 64, 128 or 192 GB"),
    ("M3 Ultra 64GB", "Apple_M3_Ultra is sold with 96, 256 or 512 GB"),
    ("M3 Ultra 384GB", "Apple_M3_Ultra is sold with 96, 256 or 512 GB"),
    # another form, memory, rate, power or number of cores
    ("M1 Max 10-core GPU", "'10 cores' is not said of Apple_M1_Max"),
    ("H200 PCIe", "'pcie' is not said of H200"),
    ("L40S SXM", "'sxm' is not said of L40S"),
    ("A100 SXM5", "'sxm5' is not said"),
    ("H100 SXM PCIe", "is not said of"),
    ("A100 HBM3", "'hbm3' is not said"),
    ("RTX 4090 GDDR7", "'gddr7' is not said"),
    ("H100 SXM 350W", "'350 W' is not said"),
    ("M3 Max 800GB/s", "'800 GB/s' is not said"),
    ("M2 Max 40-core", "'40 cores' is not said"),
    ("EPYC 7763 128-core", "'128 cores' is not said"),
    ("RTX 3090 laptop", "'laptop' is not said of RTX_3090"),
    ("AD102 [H100]", "'ad102' is not said"),
    # another maker
    ("Intel N150", "Wormhole_n150 is made by Tenstorrent, not Intel"),
    ("AMD H100", "H100_SXM is made by NVIDIA, not AMD"),
    ("NVIDIA MI300X", "MI300X is made by AMD, not NVIDIA"),
    ("MacBook RTX 4090", "made by NVIDIA, not Apple"),
    ("Radeon RTX 4090", "made by NVIDIA, not AMD"),
    # another part of the family
    ("RTX 4090 Super", "'super' is not said of RTX_4090"),
    ("RTX 3090 Ti Super", "is not said of"),
    ("RTX 5090 Max-Q", "is not said of RTX_5090"),
    ("M4 Ultra 256GB", "'ultra' is not said of Apple_M4"),
    ("Drive AGX Thor", "'drive' is not said of Jetson_T5000"),
    ("Trainium 5", "'5' is not said"),
    ("H100 H200", "is not said of"),
    ("4090 4090", "'4090' is said twice"),
    ("half an A100", "'half' is not said"),
    ("i9-9900KS", "Did you mean Core_i9_9900K"),
    ("i9-14900ks", "Did you mean Core_i9_14900K"),
    ("L4S", "Did you mean L40S or L4"),
    ("l4s", "Did you mean L40S or L4"),
    ("2x RTX 4070S", "Did you mean RTX_4070"),
    ("RTX A6000 Ada", "'ada' is not said of RTX_A6000. Did you mean RTX_A6000 or RTX_6000_Ada"),
    ("EPYC 9654 8-channel 768GB", "'8 channels' is not said of EPYC_9654"),
    ("Ryzen 7950X single channel", "'1 channels' is not said of Ryzen_9_7950X"),
    # several that are not alike
    ("RTX 3090 + RTX 4090", "means several devices that are not alike: RTX 3090 and RTX 4090; ask of each"),
    ("2x H100 and A100 80GB", "means several devices that are not alike"),
    # a part of a part
    ("A100-40C", "a profile of a virtual GPU"),
    ("NVIDIA L40S-12Q", "a profile of a virtual GPU"),
    ("g4-standard-12", "a share of an RTX PRO 6000"),
    ("MI300X CPX", "a partition of an Instinct"),
]


@each(("written", "why"), CONTRADICTED)
def test_what_contradicts_is_refused_with_the_reason(written: str, why: str) -> None:
    with pytest.raises(UnknownHardwareError, match=re.escape(why)):
        find_devices(written)


@each(
    "written",
    ["24GB", "80 GB VRAM", "GPU", "NVIDIA GPU", "laptop", "a card with 16GB", "Intel N100", "sm_90", "GeForce", "(R)"],
)
def test_what_tells_nothing_has_no_suggestion(written: str) -> None:
    with pytest.raises(UnknownHardwareError) as caught:
        find_devices(written)
    assert "Did you mean" not in str(caught.value)


@each(
    ("written", "first"),
    [
        ("RTX 7090", "RTX_5090"),
        ("RTX 5000", "RTX_5000_Ada"),
        ("Radeon RX 7900", "RX_7900_GRE"),
        ("RTX 2065", "RTX_2060"),
        ("EPYC 7742", "EPYC_7763"),
        ("Xeon 6788P", "Xeon_6787P"),
        ("Apple M6", "Apple_M5"),
        ("Gaudi 4", "Gaudi_3"),
        ("TPU v9", "TPU7x"),
        ("Titan V", "TITAN_RTX"),
        ("H10O 80GB", "H100_SXM"),
        ("RTX 4O90 24GB", "RTX_4090"),
        ("MI300Y 192GB", "MI300X"),
        ("RTX 4070 Ti 16GB", "RTX_4070_Ti_SUPER"),
        ("H100 HBM2e", "H100_PCIe"),
        ("L400", "L40"),
        ("H1000", "H100_SXM"),
    ],
)
def test_suggestions_are_alike_in_family_size_and_generation(written: str, first: str) -> None:
    with pytest.raises(UnknownHardwareError) as caught:
        find_devices(written)
    assert str(caught.value).split("Did you mean ")[1].split("?")[0].split(" or ")[0] == first


@pytest.mark.parametrize("written", ["Xeon E5-2699 v4", "RX 580 8GB", "Ryzen 7 7745HX"])
def test_nothing_is_suggested_for_what_is_like_nothing(written: str) -> None:
    with pytest.raises(UnknownHardwareError) as caught:
        find_devices(written)
    assert "Did you mean" not in str(caught.value)


# --- every entry, with whatever agrees around it ---------------------------------------------------------------------

EVERY = {entry.name: entry for entry in all_accelerators() if entry.memory_gb >= 1}
FILLERS = ("GPU", "card", "graphics card", "device", "accelerator", "(shared)", "w/", "with", "the")


def _memory_of(entry: Accelerator) -> int:
    return max(1, round(entry.memory_gb / 2)) if entry.memory_is_maximum else round(entry.memory_gb)


@st.composite
def _around(draw: st.DrawFn) -> tuple[str, str, bool]:
    """An accelerator, its canonical name among other words, and whether a memory that it has not is one of them."""
    entry = EVERY[draw(st.sampled_from(sorted(EVERY)))]
    # a number belongs to the word before it: Gaudi 3, 30 core
    words = re.sub(r"_(\d{1,2}|core)(?=_|$)", r" \1", entry.name).split("_")
    kept = [word for word in words if not re.fullmatch(r"\d+GB", word)]
    wrong = draw(st.booleans())
    memory = _memory_of(entry)
    if wrong:
        # twice and a half of the most that it has, which no other of its kind has either
        memory = round(entry.memory_gb * 2.5) + 3
    elif kept != words:
        memory = round(entry.memory_gb)
    size = draw(st.sampled_from(["{}GB", "{} GB", "({}GB VRAM)", "w/{}GB", "{}GB memory"])).format(memory)
    said = draw(st.booleans()) or wrong or kept != words
    parts = [*kept, *([size] if said else [])]
    parts += draw(st.lists(st.sampled_from(FILLERS), max_size=2))
    if draw(st.booleans()) and entry.manufacturer in ("NVIDIA", "AMD", "Intel", "Apple", "Qualcomm", "Huawei"):
        parts.append(entry.manufacturer)
    random.Random(draw(st.integers(0, 10**6))).shuffle(parts)
    brackets = draw(st.integers(-1, len(parts) - 1))
    text = " ".join(f"({part})" if at == brackets else part for at, part in enumerate(parts))
    return entry.name, text, wrong


@given(_around())
def test_an_entry_is_found_among_words_that_agree_and_never_with_a_memory_that_contradicts(
    case: tuple[str, str, bool],
) -> None:
    name, text, wrong = case
    try:
        found, _ = find_devices(text, if_ambiguous=name)
    except CalculatorError:
        assert wrong, text
    else:
        same = found.name in (name, f"{name}_{found.memory_gb:.12g}GB")
        assert same != wrong, f"{text} is {found.name}"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    refused = ""
    try:
        found, count = find_devices(text)
    except CalculatorError as error:
        refused = str(error)
    else:
        assert found.memory_bytes > 0
        assert count is None or count > 0
    assert not refused or "hardware name" in refused


# --- what names no part ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "gigabytes", "count"),
    [
        ("24 GB", 24, None),
        ("a 24GB card", 24, None),
        ("24GB VRAM", 24, None),
        ("24GiB", 24, None),
        ("2x24GB", 24, 2),
        ("2 x 24GB cards", 24, 2),
        ("two 48GB GPUs", 48, 2),
        ("80GB x4", 80, 4),
    ],
)
def test_a_size_of_memory_alone_is_read_with_its_count(written: str, gigabytes: float, count: int | None) -> None:
    assert memory_said(written) == (gigabytes, count)


@pytest.mark.parametrize(
    "written", ["RTX 4090 24GB", "24GB nvidia", "48GB total", "H100", "24", "CPU 64GB", "8x32GB DDR5"]
)
def test_what_says_more_than_a_size_is_no_size(written: str) -> None:
    assert memory_said(written) is None


@pytest.mark.parametrize(
    ("written", "such"),
    [
        ("CPU", "EPYC_9575F"),
        ("intel cpu", "Xeon"),
        ("macbook air", "Apple_M"),
        ("Apple silicon", "Apple_M"),
        ("a 24GB card", "RTX_4090"),
        ("two 24GB GPUs", "RTX_3090"),
    ],
)
def test_a_name_of_a_kind_alone_is_refused_with_some_of_it(written: str, such: str) -> None:
    with pytest.raises(UnknownHardwareError, match=f"names no part; such are .*{such}.*: name one"):
        find_devices(written)


@pytest.mark.parametrize(("written", "meant"), [("H100s", "H100_SXM"), ("4090s", "RTX_4090"), ("my 3090", "RTX_3090")])
def test_a_plural_or_an_article_says_no_other_part(written: str, meant: str) -> None:
    assert find_devices(written)[0].name == meant


def test_a_name_of_several_says_which_by_names_of_one_each() -> None:
    for written in ("A100", "8xA100", "RTX 3080", "RTX PRO 6000"):
        with pytest.raises(AmbiguousHardwareError) as caught:
            find_devices(written)
        assert caught.value.name == written
        found = [find_devices(name) for name in caught.value.meant]
        assert len({accelerator.name for accelerator, _ in found}) == len(found) > 1
        assert {count for _, count in found} == {8 if written.startswith("8x") else None}


def test_a_size_that_is_read_as_that_of_several_together_is_said() -> None:
    # there are 3080s of 20 GB, which the catalogue does not have
    found, count = find_devices("RTX 3080 20GB x2")
    assert (found.name, count) == ("RTX_3080_10GB", 2)
    assert "20 GB in the name 'RTX 3080 20GB' were read as the memory of 2 together" in (found.reading or "")
    assert find_devices("2x RTX 4090 24GB")[0].reading is None
    assert find_devices("2x3090 48GB total")[0].reading is None


@pytest.mark.parametrize(
    "written", ["2 nodes of 8xH100", "2 nodes with 8x H100 SXM", "2x 8xH100", "two servers of 8 H100", "2 x DGX H100"]
)
def test_devices_of_several_nodes_are_counted_together(written: str) -> None:
    found, count = find_devices(written)
    assert (found.name, count) == ("H100_SXM", 16)
