"""Figures as their makers publish them, and the faults of an older catalogue that are not to come back."""

from __future__ import annotations

import pytest

from llm_memory_hardware import Link, find_devices, get_accelerator, get_hardware_config

from ..rows import each

GIB = 2**30


@each(
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
        ("MI250X", 64, 1.6384e12, 191.5e12),  # AMD MI250X product page, half of the card
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


@each(
    ("name", "gib"),
    [
        ("H100_SXM", 79.19),
        ("A100_80GB", 79.25),
        ("A100_40GB", 39.49),
        ("H200", 139.81),
        ("B200", 178.36),
        ("B300", 267.69),
        ("L40S", 44.42),
        ("RTX_PRO_6000_Workstation", 94.97),
        ("RTX_4090", 23.55),
        ("RTX_3090", 23.58),
        ("T4", 14.56),
    ],
)
def test_usable_memory_is_what_vllm_reports_as_total(name: str, gib: float) -> None:
    assert get_accelerator(name).usable_memory_bytes / GIB == pytest.approx(gib, abs=1e-6)


@each(
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


# --- the faults of an older catalogue -------------------------------------------------------------------------------
# It held one number for compute, mixed rates with sparsity or fp16 accumulation into it, counted links in one direction
# here and in two there, and copied rows. The right values are from the makers' datasheets.


@each(
    ("key", "sixteen_bit_tflops"),
    [
        ("A100_40GB_GPU", 312),
        ("A100_80GB_GPU", 312),
        ("V100_16GB_GPU", 125),
        ("V100_32GB_GPU", 125),
        ("H100_GPU", 989.4),
        ("H100_PCIe_GPU", 756),
        ("H200_GPU", 989.4),
        ("GH200_GPU", 989.4),
        ("B100", 1750),
        ("GB200", 2500),  # was 2250, the B200's
        ("GB10", 125),  # was 250: a petaflop is of fp4 with sparsity
        ("B200_GPU", 2250),
        ("L40S_48GB_GPU", 362),
        ("RTX4090_GPU", 165.2),  # was 330, with fp16 accumulation
        ("RTX4080_GPU", 97.5),  # was 242
        ("RTX3090_GPU", 71),  # was 142
        ("RTX3080_GPU", 59.5),  # was 119
        ("RTX3080Ti_GPU", 68.2),  # was 136
        ("RTX3070_GPU", 40.6),  # was 81
        ("RTX3060_GPU", 25.5),  # was 51
        ("RTX4060_GPU", 30.2),  # was 121, with sparsity
        ("RTX4060Ti_GPU", 44.1),  # was 177, with sparsity
        ("RTX4070Ti_GPU", 80.2),  # was 186
        ("RTX4070_GPU", 58.3),  # was 147
        ("A10_GPU", 125),
        ("A30_GPU", 165),
        ("A40_GPU", 149.7),
        ("A6000_GPU", 154.8),
        ("TPUv6", 918),  # was 926
        ("TPUv5e", 197),
        ("TPUv5p", 459),
        ("TPUv4", 275),
        ("MI300X", 1307.4),
        ("MI325X", 1307.4),
        ("MAX1550", 419.5),  # one of two stacks; was 45.2
        ("MAX1100", 354),  # was 32.7
        ("Gaudi3", 1835),
        ("Trainium1", 190),
        ("Inferentia2", 190),
        ("Groq_LPU", 188),  # was 250
        ("SambaNova_SN40L", 638),  # was 688
        ("XEON_PLATINUM_8490H", 60 * 1024 * 1.9e9 / 1e12),  # was 58.9; 1024 bf16 operations a cycle and core
        ("XEON_PLATINUM_8480PLUS", 56 * 1024 * 2.0e9 / 1e12),
        ("XEON_PLATINUM_8470", 52 * 1024 * 2.0e9 / 1e12),
        ("XEON_PLATINUM_8460YPLUS", 40 * 1024 * 2.0e9 / 1e12),
        ("XEON_GOLD_6430", 32 * 1024 * 2.1e9 / 1e12),
        ("XEON_PLATINUM_8592PLUS", 64 * 1024 * 1.9e9 / 1e12),
        ("XEON_PLATINUM_8580", 60 * 1024 * 2.0e9 / 1e12),
        ("SapphireRapids_CPU", 56 * 1024 * 2.0e9 / 1e12),  # was 57.3
        ("EmeraldRapids_CPU", 60 * 1024 * 2.0e9 / 1e12),  # was 61.4
        ("GraniteRapids_CPU", 64 * 1024 * 2.4e9 / 1e12),  # was 86
        ("Xeon6767P_CPU", 64 * 1024 * 2.4e9 / 1e12),
        ("Xeon6767P_1socket_CPU", 64 * 1024 * 2.4e9 / 1e12),
        ("Genoa_CPU", 96 * 64 * 2.4e9 / 1e12),  # was 60; one 512-bit instruction a cycle
        ("Turin_CPU", 128 * 128 * 2.7e9 / 1e12),  # was 98
        ("Grace_CPU", 72 * 128 * 3.1e9 / 1e12),  # was 74
        ("Graviton3_CPU", 64 * 128 * 2.6e9 / 1e12),
        ("Graviton4_CPU", 96 * 128 * 2.8e9 / 1e12),
    ],
)
def test_compute_is_dense_and_accumulates_in_fp32(key: str, sixteen_bit_tflops: float) -> None:
    assert get_hardware_config(key)["Flops"] == pytest.approx(sixteen_bit_tflops, rel=0.005)


@pytest.mark.parametrize("key", ["SierraForest_CPU", "MilanX_CPU", "EPYC_7763", "EPYC_7773X", "EPYC_7713"])
def test_a_processor_without_16_bit_products_has_no_such_rate(key: str) -> None:
    # the older catalogue had 36 to 47
    assert set(get_accelerator(key).peak_flops) == {"fp32"}


def test_the_arc_s_matrix_units_are_counted() -> None:
    # was 17.2, the fp32 rate of its vector units; 32 Xe cores x 16 XMX x 128 x 2 FLOP x 2.0 to 2.4 GHz
    assert 130e12 <= get_accelerator("ARC770").peak_flops["fp16"] <= 158e12


def test_cerebras_peaks_are_not_those_with_sparsity() -> None:
    assert get_accelerator("Cerebras_WSE3").peak_flops == {}  # was 125e15; a dense rate is not public
    assert get_accelerator("Cerebras_WSE2").peak_flops["fp16"] < 10e15


@each(
    ("key", "memory_gb", "memory_type", "bandwidth_gb_s"),
    [
        ("A100_40GB_GPU", 40, "HBM2", 1555),  # was HBM2e at 1600
        ("A100_80GB_GPU", 80, "HBM2e", 2039),
        ("H100_GPU", 80, "HBM3", 3350),
        ("H100_PCIe_GPU", 80, "HBM2e", 2039),  # was HBM3 at 2000
        ("H200_GPU", 141, "HBM3e", 4800),
        ("GH200_GPU", 144, "HBM3e", 4900),  # was HBM3
        ("GB200", 186, "HBM3e", 8000),  # was 192
        ("GB10", 128, "LPDDR5X", 273),
        ("B200_GPU", 180, "HBM3e", 7700),  # was 192
        ("A30_GPU", 24, "HBM2", 933),  # was HBM2e
        ("MI325X", 256, "HBM3E", 6000),  # was HBM3
        ("TPUv5e", 16, "HBM2", 819),
        ("TPUv5p", 95 * GIB / 1e9, "HBM2e", 2765),
        ("MAX1100", 48, "HBM2e", 1228.8),  # was 1640
        ("Gaudi3", 128, "HBM2E", 3670),
        ("Cerebras_WSE2", 40, "SRAM", 20e6),  # was 20e3
        ("Cerebras_WSE3", 44, "SRAM", 21e6),  # was 21e3
        ("Groq_LPU", 0.23, "SRAM", 80e3),  # was 230 GB
        ("SambaNova_SN40L", 64, "HBM3", 1600),  # was three tiers in one, 1500 GB
    ],
)
def test_memory_is_of_the_kind_and_size_sold(
    key: str, memory_gb: float, memory_type: str, bandwidth_gb_s: float
) -> None:
    accelerator = get_accelerator(key)
    assert accelerator.memory_gb == pytest.approx(memory_gb, rel=1e-3)
    assert accelerator.memory_type == memory_type
    assert accelerator.memory_bandwidth / 1e9 == pytest.approx(bandwidth_gb_s, rel=3e-3)


@each(
    ("key", "link_gb_s"),
    [
        ("A100_40GB_GPU", 300),  # was 150
        ("A100_80GB_GPU", 300),  # was 150
        ("V100_16GB_GPU", 150),  # was 300, both directions
        ("V100_32GB_GPU", 150),
        ("H100_GPU", 450),
        ("H200_GPU", 450),
        ("B100", 900),
        ("GB200", 900),
        ("B200_GPU", 900),
        ("L40S_48GB_GPU", 31.5),  # was 300: it has no NVLink
        ("RTX4090_GPU", 31.5),  # was 64, both directions
        ("A10_GPU", 31.5),  # was 64
        ("RTX4060_GPU", 15.75),  # was 64: eight lanes
        ("A30_GPU", 100),  # was 64: a bridge
        ("A40_GPU", 56.25),
        ("A6000_GPU", 56.25),
        ("TPUv5e", 200),  # was 100
        ("TPUv5p", 600),  # was 150
        ("TPUv4", 300),  # was 100
        ("MI300X", 448),  # was 896, both directions
        ("MI325X", 448),  # was 400: the links of the MI300X
        ("Gaudi3", 525),  # 21 of 24 ports of 200 Gbit/s; 600 with those to other nodes
        ("Inferentia2", 96),  # was 800; 192 both ways
        ("Trainium1", 192),  # was 800; 384 both ways, and 768 is said of another count of links
        ("H100_PCIe_GPU", 300),  # a bridge
        ("GH200_GPU", 450),  # to its processor: one stands alone
        ("RTX4080_GPU", 31.5),
        ("RTX3090_GPU", 56.25),  # was 64: a bridge
        ("RTX3080_GPU", 31.5),
        ("RTX3080Ti_GPU", 31.5),
        ("RTX3070_GPU", 31.5),
        ("RTX3060_GPU", 31.5),
        ("RTX4060Ti_GPU", 15.75),
        ("RTX4070Ti_GPU", 31.5),
        ("RTX4070_GPU", 31.5),
        ("TPUv6", 400),  # was 200
        ("MAX1550", 212),  # 8 links of 26.5
        ("MAX1100", 159),  # 6 links of 26.5
        ("ARC770", 31.5),  # was 50
    ],
)
def test_links_are_those_of_the_device_in_one_direction(key: str, link_gb_s: float) -> None:
    assert get_hardware_config(key)["ICN"] == pytest.approx(link_gb_s)


@each(
    ("key", "tdp_w"),
    [
        ("GB200", 1200),
        ("MI325X", 1000),
        ("H100_GPU", 700),
        ("GH200_GPU", 1000),
        ("V100_16GB_GPU", 300),
        ("V100_32GB_GPU", 300),
        ("GB10", 140),
        ("XEON_GOLD_6430", 270),
        ("EPYC_9734", 340),
        ("Turin_CPU", 500),
        ("Groq_LPU", 275),
        ("Cerebras_WSE2", 23000),
    ],
)
def test_power_is_not_a_neighbour_s(key: str, tdp_w: float) -> None:
    assert get_accelerator(key).tdp_w == tdp_w


@each(
    ("key", "gigabytes_a_second"),
    [
        ("RTX4090_GPU", 1008),
        ("RTX4080_GPU", 716.8),
        ("RTX4070Ti_GPU", 504),
        ("RTX4070_GPU", 504),
        ("RTX4060Ti_GPU", 288),
        ("RTX4060_GPU", 272),
        ("RTX3090_GPU", 936),
        ("RTX3080Ti_GPU", 912),
        ("RTX3080_GPU", 760),
        ("RTX3070_GPU", 448),
        ("RTX3060_GPU", 360),
        ("A10_GPU", 600),
        ("A40_GPU", 696),
        ("A6000_GPU", 768),
        ("L40S_48GB_GPU", 864),
        ("V100_16GB_GPU", 900),
        ("V100_32GB_GPU", 900),
        ("B100", 8000),
        ("MI300X", 5300),
        ("TPUv4", 1200),  # was 1228
        ("TPUv6", 1638),
        ("MAX1550", 1638.4),
        ("ARC770", 560),
        ("Trainium1", 820),
        ("Inferentia2", 820),
        ("SapphireRapids_CPU", 307.2),  # 8 channels at 4800 MT/s
        ("EmeraldRapids_CPU", 358.4),  # 8 x 5600
        ("GraniteRapids_CPU", 409.6),  # was 500; 8 x 6400
        ("Xeon6767P_CPU", 409.6),  # was 819, two sockets: those are two devices
        ("Xeon6767P_1socket_CPU", 409.6),
        ("SierraForest_CPU", 409.6),  # was 400
        ("MilanX_CPU", 204.8),
        ("Genoa_CPU", 460.8),
        ("GenoaX_CPU", 460.8),
        ("Bergamo_CPU", 460.8),
        ("Turin_CPU", 614.4),  # was 600; 12 x 6400
        ("Grace_CPU", 512),
        ("Graviton3_CPU", 307.2),
        ("Graviton4_CPU", 537.6),  # was 450; 12 x 5600
        ("AmpereOne_CPU", 332.8),  # was 307; 8 x 5200
        ("XEON_PLATINUM_8490H", 307.2),
        ("XEON_PLATINUM_8480PLUS", 307.2),
        ("XEON_PLATINUM_8470", 307.2),
        ("XEON_PLATINUM_8460YPLUS", 307.2),
        ("XEON_GOLD_6430", 281.6),  # was 307.2: its memory runs at 4400 MT/s
        ("XEON_PLATINUM_8592PLUS", 358.4),
        ("XEON_PLATINUM_8580", 358.4),
        ("EPYC_7763", 204.8),
        ("EPYC_7773X", 204.8),
        ("EPYC_7713", 204.8),
        ("EPYC_9654", 460.8),
        ("EPYC_9554", 460.8),
        ("EPYC_9454", 460.8),
        ("EPYC_9684X", 460.8),
        ("EPYC_9754", 460.8),
        ("EPYC_9734", 460.8),
    ],
)
def test_the_memory_s_rate_is_that_of_one_device(key: str, gigabytes_a_second: float) -> None:
    assert get_hardware_config(key)["Memory_BW"] == pytest.approx(gigabytes_a_second)


@each(
    ("key", "terabytes"),
    [
        *((f"EPYC_{model}", 4) for model in ("7763", "7773X", "7713")),
        *((f"EPYC_{model}", 6) for model in ("9654", "9554", "9454", "9684X", "9754", "9734")),
        *((f"XEON_PLATINUM_{model}", 4) for model in ("8490H", "8480PLUS", "8470", "8460YPLUS", "8592PLUS", "8580")),
        ("XEON_GOLD_6430", 4),
        ("SapphireRapids_CPU", 4),
        ("MilanX_CPU", 4),
        ("Genoa_CPU", 6),
    ],
)
def test_a_processor_s_memory_is_what_a_socket_takes_and_says_so(key: str, terabytes: float) -> None:
    # the older catalogue gave this number as if it were fitted, and 300 GB for others
    accelerator = get_accelerator(key)
    assert accelerator.type == "cpu"
    assert accelerator.memory_bytes == terabytes * 10**12


def test_a_format_has_a_rate_of_its_own() -> None:
    # the older catalogue took fp8, int8 and fp32 from one number, also where there is no such unit
    assert "fp8" not in get_accelerator("A100_80GB").peak_flops
    assert "fp4" not in get_accelerator("H100").peak_flops
    assert get_accelerator("H100").peak_flops["fp32"] == 66.9e12


def test_bridges_and_racks_say_how_many_they_join() -> None:
    for name, joined in (("A30", 2), ("A40", 2), ("RTX_A6000", 2), ("GB200", 72), ("GB300", 72)):
        link = get_accelerator(name).link
        assert link is not None
        assert link.max_devices == joined


def test_the_domain_of_the_link_bounds_what_shares_a_layer() -> None:
    assert get_accelerator("GB200").link_domain == 72
    assert get_accelerator("H100").link_domain == 8
    assert get_accelerator("A40").link_domain == 8  # two by the bridge, the rest over PCIe
    assert get_accelerator("GB10").link_domain == 1


def test_formats_without_a_unit_are_absent() -> None:
    assert not {"bf16", "int8", "fp8"} & set(get_accelerator("V100_32GB").peak_flops)
    assert "bf16" not in get_accelerator("T4").peak_flops
    assert "fp8" not in get_accelerator("MI250X").peak_flops


# What people run at home, as they write it: GB of memory and GB/s of its bus, by the makers' specifications.
AT_HOME = [
    ("Raspberry Pi 5", 16, 17.1), ("Raspberry Pi 5 8GB", 8, 17.1), ("raspberry pi 4 4GB", 4, 12.8),
    ("Jetson Nano", 4, 25.6), ("Jetson TX2", 8, 59.7), ("Jetson Xavier NX 16GB", 16, 59.7),
    ("Orin Nano 4GB", 4, 51.2), ("MI50 32GB", 32, 1024), ("Radeon Instinct MI60", 32, 1024),
    ("NVIDIA GeForce GTX 1080 Ti", 11, 484), ("GTX 1080", 8, 320), ("GTX 1070", 8, 256), ("GTX 1060 6GB", 6, 192),
    ("GTX 1050 Ti", 4, 112), ("RTX 2080 Ti 22GB", 22, 616), ("RTX 4090 48GB", 48, 1008),
    ("Radeon 780M 32GB", 32, 120), ("AMD Radeon 890M", 64, 128), ("Ryzen AI 9 HX 370", 64, 128),
    ("Ryzen 9 9950X 64GB", 64, 89.6), ("AMD Ryzen 9 7950X 16-Core Processor", 128, 83.2),
    ("Ryzen 7 5800X3D", 128, 51.2),
    ("Intel Core i9-14900K", 192, 89.6), ("i7-12700K 32GB", 32, 76.8), ("Core Ultra 9 285K", 256, 102.4),
    ("AMD Ryzen Threadripper PRO 7995WX 96-Cores", 2000, 332.8), ("Threadripper 9980X", 1000, 204.8),
    ("Threadripper PRO 5995WX", 2000, 204.8), ("X1E-84-100", 64, 135.2), ("Xeon 6787P", 4000, 409.6),
    ("Intel(R) Xeon(R) Platinum 8488C", 4000, 307.2),
]  # fmt: skip


@each(("typed", "memory_gb", "bandwidth"), AT_HOME)
def test_what_people_run_at_home_is_listed(typed: str, memory_gb: float, bandwidth: float) -> None:
    found = get_accelerator(typed)
    assert found.memory_gb == memory_gb
    assert found.memory_bandwidth / 1e9 == pytest.approx(bandwidth, rel=2e-3)


@each(
    ("instance", "canonical", "count"),
    [
        ("u-p6e-gb200x72", "GB200", 72),
        ("u-p6e-gb200x36", "GB200", 36),
        ("Standard_NC128ds_xl_RTXPRO6000BSE_v6", "RTX_PRO_6000_Server", 1),
        ("Standard_NC320lds_xl_RTXPRO6000BSE_v6", "RTX_PRO_6000_Server", 2),
        ("m7i.metal-48xl", "Xeon_Platinum_8488C", 2),
        ("g6f.xlarge", "L4_Eighth", 1),
        ("gr6f.4xlarge", "L4_Half", 1),
        ("Standard_NV6ads_A10_v5", "A10_Sixth", 1),
        ("Standard_NC36lds_xl_RTXPRO6000BSE_v6", "RTX_PRO_6000_Server_Quarter", 1),
    ],
)
def test_instance_types_of_2025_and_2026(instance: str, canonical: str, count: int) -> None:
    found, number = find_devices(instance)
    assert (found.name.partition("_412.3")[0], number) == (canonical, count)  # m7i has 4 GiB for each of 192 vCPUs


def test_a_rebuilt_card_is_never_taken_for_the_one_that_is_sold() -> None:
    assert get_accelerator("RTX 4090").memory_gb == 24
    assert get_accelerator("RTX 2080 Ti").memory_gb == 11
