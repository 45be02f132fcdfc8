"""Figures of well-known parts and instance types, each from its maker's published tables and typed in by hand.

A figure that changes in the catalogue changes here as well, and then on purpose.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from llm_memory_hardware import all_accelerators, find_devices

ALL = {accelerator.name: accelerator for accelerator in all_accelerators()}
MIB = 2**20


class Part(NamedTuple):
    """What a datasheet says of one device; None: not said there, or said elsewhere."""

    name: str
    memory_gb: float
    bandwidth: float
    """GB/s."""
    sixteen: float | None
    """Dense TFLOPS of bf16, or of fp16 where there is no bf16, with fp32 accumulation."""
    watts: float | None
    capability: str | None
    pci: str | None
    """The first of the device ids."""
    link: float | None = None
    """GB/s in each direction over all ports; None: it has no link, or more than one figure was published."""
    node: int | None = None
    """Devices of the maker's reference system."""


# fmt: off
PARTS = [
    # NVIDIA Tesla P100, V100, V100S and P40 datasheets; device ids from the table of NVIDIA's open kernel modules and
    # the PCI ID Repository, here and below; compute capabilities from NVIDIA's list of CUDA GPUs
    Part("P100_PCIe_16GB", 16, 732, 18.7, 250, "6.0", "15f8"),
    Part("P100_SXM2_16GB", 16, 732, 21.2, 300, "6.0", "15f9", 80, 8),
    Part("P40", 24, 346, None, 250, "6.1", "1b38"),
    Part("V100_16GB", 16, 900, 125, 300, "7.0", "1db1", 150, 8),
    Part("V100_32GB", 32, 900, 125, 300, "7.0", "1db5", 150, 8),
    Part("V100_PCIe_16GB", 16, 900, 112, 250, "7.0", "1db4"),
    Part("V100_PCIe_32GB", 32, 900, 112, 250, "7.0", "1db6"),
    Part("V100S_PCIe_32GB", 32, 1134, 130, 250, "7.0", "1df6"),
    # NVIDIA T4 datasheet; Turing architecture whitepaper
    Part("T4", 16, 320, 65, 70, "7.5", "1eb8"),
    Part("RTX_2080_Ti", 11, 616, 53.8, 250, "7.5", "1e04", 50),
    Part("TITAN_RTX", 24, 672, 130.5, 280, "7.5", "1e02", 50),
    Part("Quadro_RTX_6000", 24, 672, 130.5, 260, "7.5", "1e30", 50),
    Part("Quadro_RTX_8000", 48, 672, 130.5, 260, "7.5", "1e30", 50),
    # NVIDIA A100, A30, A10, A2, A16 and A40 datasheets; A10G: AWS G5 and its datasheet
    Part("A100_40GB", 40, 1555, 312, 400, "8.0", "20b0", 300, 8),
    Part("A100_80GB", 80, 2039, 312, 400, "8.0", "20b2", 300, 8),
    Part("A100_PCIe_40GB", 40, 1555, 312, 250, "8.0", "20f1", 300),
    Part("A100_PCIe_80GB", 80, 1935, 312, 300, "8.0", "20b5", 300),
    Part("A800_SXM_80GB", 80, 2039, 312, 400, "8.0", "20f3", 200, 8),
    Part("A800_PCIe_80GB", 80, 1935, 312, 300, "8.0", "20f5", 200),
    Part("A30", 24, 933, 165, 165, "8.0", "20b7", 100),
    Part("A2", 16, 200, 18, 60, "8.6", "25b6"),
    Part("A10", 24, 600, 125, 150, "8.6", "2236"),
    Part("A10G", 24, 600, 70, 300, "8.6", "2237"),
    Part("A16", 16, 200, 17.9, 62.5, "8.6", "25b6", None, 4),
    Part("A40", 48, 696, 149.7, 300, "8.6", "2235", 56.25),
    # NVIDIA RTX A-series datasheets
    Part("RTX_A2000_12GB", 12, 288, 31.95, 70, "8.6", "2571"),
    Part("RTX_A4000", 16, 448, 76.7, 140, "8.6", "24b0"),
    Part("RTX_A4500", 20, 640, 94.6, 200, "8.6", "2232", 56.25),
    Part("RTX_A5000", 24, 768, 111.1, 230, "8.6", "2231", 56.25),
    Part("RTX_A5500", 24, 768, 136.4, 230, "8.6", "2233", 56.25),
    Part("RTX_A6000", 48, 768, 154.8, 300, "8.6", "2230", 56.25),
    # NVIDIA GA102 architecture whitepaper and GeForce specification tables
    Part("RTX_3060", 12, 360, 25.5, 170, "8.6", "2503"),
    Part("RTX_3060_Ti", 8, 448, 32.4, 200, "8.6", "2486"),
    Part("RTX_3070", 8, 448, 40.6, 220, "8.6", "2484"),
    Part("RTX_3070_Ti", 8, 608, 43.5, 290, "8.6", "2482"),
    Part("RTX_3080_10GB", 10, 760, 59.5, 320, "8.6", "2206"),
    Part("RTX_3080_12GB", 12, 912, 61.3, 350, "8.6", "220a"),
    Part("RTX_3080_Ti", 12, 912, 68.2, 350, "8.6", "2208"),
    Part("RTX_3090", 24, 936, 71, 350, "8.6", "2204", 56.25),
    Part("RTX_3090_Ti", 24, 1008, 80, 450, "8.6", "2203", 56.25),
    # NVIDIA Jetson AGX Orin, Orin NX and AGX Xavier module data sheets
    Part("Jetson_AGX_Orin_64GB", 64, 204.8, None, 60, "8.7", None, None, 1),
    Part("Jetson_AGX_Orin_32GB", 32, 204.8, None, 40, "8.7", None, None, 1),
    Part("Jetson_Orin_NX_16GB", 16, 102.4, None, 25, "8.7", None, None, 1),
    Part("Jetson_AGX_Xavier_32GB", 32, 136.5, 11, 30, "7.2", None, None, 1),
    # NVIDIA L4, L40 and L40S datasheets, their figures without sparsity; L20 and L2: press and dealers' tables
    Part("L2", 24, 300, 96.5, None, "8.9", "27b6"),
    Part("L4", 24, 300, 121, 72, "8.9", "27b8"),
    Part("L20", 48, 864, 119.5, 275, "8.9", "26ba"),
    Part("L40", 48, 864, 181.05, 300, "8.9", "26b5"),
    Part("L40S", 48, 864, 362.05, 350, "8.9", "26b9"),
    # NVIDIA RTX Ada Generation datasheets
    Part("RTX_2000_Ada", 16, 224, 48, 70, "8.9", "28b0"),
    Part("RTX_4000_SFF_Ada", 20, 280, 76.7, 70, "8.9", "27b0"),
    Part("RTX_4000_Ada", 20, 360, 106.9, 130, "8.9", "27b2"),
    Part("RTX_4500_Ada", 24, 432, 158.5, 210, "8.9", "27b1"),
    Part("RTX_5000_Ada", 32, 576, 261.1, 250, "8.9", "26b2"),
    Part("RTX_6000_Ada", 48, 960, 364.2, 300, "8.9", "26b1"),
    # NVIDIA Ada architecture whitepaper and GeForce specification tables
    Part("RTX_4060", 8, 272, 30.2, 115, "8.9", "2882"),
    Part("RTX_4060_Ti_8GB", 8, 288, 44.1, 160, "8.9", "2803"),
    Part("RTX_4060_Ti_16GB", 16, 288, 44.1, 165, "8.9", "2805"),
    Part("RTX_4070", 12, 504, 58.3, 200, "8.9", "2786"),
    Part("RTX_4070_SUPER", 12, 504, 71, 220, "8.9", "2783"),
    Part("RTX_4070_Ti", 12, 504, 80.2, 285, "8.9", "2782"),
    Part("RTX_4070_Ti_SUPER", 16, 672, 88.2, 285, "8.9", "2705"),
    Part("RTX_4080", 16, 716.8, 97.5, 320, "8.9", "2704"),
    Part("RTX_4080_SUPER", 16, 736, 104.4, 320, "8.9", "2702"),
    Part("RTX_4090", 24, 1008, 165.2, 450, "8.9", "2684"),
    Part("RTX_4090_D", 24, 1008, 147.1, 425, "8.9", "2685"),
    # NVIDIA H100 architecture whitepaper and datasheet, H200 and GH200 datasheets; H800 and H20: press
    Part("H100_SXM", 80, 3350, 989.4, 700, "9.0", "2330", 450, 8),
    Part("H100_PCIe", 80, 2039, 756.5, 350, "9.0", "2331", 300),
    Part("H100_NVL", 94, 3900, 835.5, 400, "9.0", "2321", 300),
    Part("H800_SXM", 80, 3350, 989.4, 700, "9.0", "2324", 200, 8),
    Part("H20", 96, 4000, 148, 400, "9.0", "2329", 450, 8),
    Part("H200", 141, 4800, 989.4, 700, "9.0", "2335", 450, 8),
    Part("H200_NVL", 141, 4800, 835.5, 600, "9.0", "233b", 450),
    Part("GH200_96GB", 96, 4000, 989.4, 1000, "9.0", "2342", None, 1),
    Part("GH200_144GB", 144, 4900, 989.4, 1000, "9.0", "2348", None, 1),
    # NVIDIA HGX B200 and B300, GB200 NVL72 and GB300 NVL72 datasheets
    Part("B200", 180, 7700, 2250, 1000, "10.0", "2901", 900, 8),
    Part("B300", 270, 7700, 2250, 1100, "10.3", "3182", 900, 8),
    Part("GB200", 186, 8000, 2500, 1200, "10.0", "2941", 900, 4),
    Part("GB300", 279, 8000, 2500, 1400, "10.3", "31c2", 900, 4),
    # NVIDIA DGX Spark and Jetson AGX Thor datasheets
    Part("GB10", 128, 273, 125, 140, "12.1", "2e12", None, 1),
    Part("Jetson_T5000", 128, 273, 258.5, 130, "11.0", None, None, 1),
    # NVIDIA RTX Blackwell architecture whitepaper, GeForce specification tables and RTX PRO datasheets
    Part("RTX_5060_Ti_16GB", 16, 448, 47.4, 180, "12.0", "2d04"),
    Part("RTX_5070", 12, 672, 61.7, 250, "12.0", "2f04"),
    Part("RTX_5070_Ti", 16, 896, 87.9, 300, "12.0", "2c05"),
    Part("RTX_5080", 16, 960, 112.6, 360, "12.0", "2c02"),
    Part("RTX_5090", 32, 1792, 209.5, 575, "12.0", "2b85"),
    Part("RTX_PRO_4000", 24, 672, None, 140, "12.0", "2c34"),
    Part("RTX_PRO_4500", 32, 896, None, 200, "12.0", "2c31"),
    Part("RTX_PRO_5000", 48, 1344, None, 300, "12.0", "2bb3"),
    Part("RTX_PRO_6000_Workstation", 96, 1792, 503.8, 600, "12.0", "2bb1"),
    Part("RTX_PRO_6000_Max_Q", 96, 1792, 438.9, 300, "12.0", "2bb4"),
    Part("RTX_PRO_6000_Server", 96, 1597, 500, 600, "12.0", "2bb5"),
    # AMD Instinct data sheets
    Part("MI100", 32, 1228.8, 92.3, 300, "gfx908", "738c", 138),
    Part("MI210", 64, 1638.4, 181, 300, "gfx90a", "740f", 150),
    Part("MI300A", 128, 5300, 980.6, 550, "gfx942", "74a0", 384, 4),
    Part("MI300X", 192, 5300, 1307.4, 750, "gfx942", "74a1", 448, 8),
    Part("MI325X", 256, 6000, 1307.4, 1000, "gfx942", "74a5", 448, 8),
    Part("MI350X", 288, 8000, 2306.9, 1000, "gfx950", "75a0", 537.6, 8),
    Part("MI355X", 288, 8000, 2516.6, 1400, "gfx950", "75a3", 537.6, 8),
    # AMD Radeon and Ryzen specification pages
    Part("RX_6800_XT", 16, 512, 41.5, 300, "gfx1030", "73bf"),
    Part("RX_6900_XT", 16, 512, 46.1, 300, "gfx1030", "73bf"),
    Part("RX_7900_XT", 20, 800, 103, 315, "gfx1100", "744c"),
    Part("RX_7900_XTX", 24, 960, 122.8, 355, "gfx1100", "744c"),
    Part("Radeon_PRO_W7900", 48, 864, 122.6, 295, "gfx1100", "7448"),
    Part("RX_9070", 16, 640, 145, 220, "gfx1201", "7550"),
    Part("RX_9070_XT", 16, 640, 195, 304, "gfx1201", "7550"),
    Part("Radeon_AI_PRO_R9700", 32, 640, 191, 300, "gfx1201", "7551"),
    Part("Ryzen_AI_Max_Plus_395", 128, 256, 59.4, 55, "gfx1151", "1586", None, 1),
    # Intel Arc, Data Center GPU Max and Xeon Max specification pages; Gaudi white papers
    Part("Arc_A770_16GB", 16, 560, None, 225, None, "56a0"),
    Part("Arc_B570", 10, 380, None, 150, None, "e20c"),
    Part("Arc_B580", 12, 456, None, 190, None, "e20b"),
    Part("Arc_Pro_B50", 16, 224, None, 70, None, None),
    Part("Arc_Pro_B60", 24, 456, None, 200, None, None),
    Part("Max_1100", 48, 1228.8, 355, 300, None, "0bda"),
    Part("Gaudi_2", 96, 2460, 432, 600, None, "1020", 262.5, 8),
    Part("Gaudi_3", 128, 3670, 1835, 900, None, "1060", 525, 8),
    # Google Cloud TPU documentation; v2 to v4i: Jouppi et al., "Ten Lessons From Three Generations", table 1
    Part("TPU_v2", 16 * 2**30 / 1e9, 700, 46, 280, None, None, 248, 4),
    Part("TPU_v3", 32 * 2**30 / 1e9, 900, 123, 450, None, None, 328, 4),
    Part("TPU_v4", 32 * 2**30 / 1e9, 1200, 275, 192, None, None, 300, 4),
    Part("TPU_v4i", 8 * 2**30 / 1e9, 614, 138, 175, None, None, 100, 4),
    Part("TPU_v5e", 16, 819, 197, None, None, None, 200, 8),
    Part("TPU_v5p", 95 * 2**30 / 1e9, 2765, 459, None, None, None, 600, 4),
    Part("TPU_v6e", 32, 1638, 918, None, None, None, 400, 8),
    Part("TPU7x", 192 * 2**30 / 1e9, 7380, 2307, None, None, None, 600, 4),
    # AWS Neuron documentation: Inferentia2, Trainium, Trainium2, Trainium3 architecture
    Part("Inferentia_1", 8 * 2**30 / 1e9, 50 * 2**30 / 1e9, 64, None, None, None, None, 16),
    Part("Inferentia_2", 32 * 2**30 / 1e9, 820, 190, None, None, None, 96, 12),
    Part("Trainium_1", 32 * 2**30 / 1e9, 820, 190, None, None, None, 192, 16),
    Part("Trainium_2", 96 * 2**30 / 1e9, 2900, 667, None, None, None, 640, 16),
    Part("Trainium_3", 144 * 2**30 / 1e9, 4900, 671, None, None, None, 1280),
    # Apple's technical specifications
    Part("Apple_M1", 16, 68.3, 2.6, None, None, None, None, 1),
    Part("Apple_M1_Max", 64, 400, 10.6, None, None, None, None, 1),
    Part("Apple_M1_Ultra", 128, 800, 21.2, None, None, None, None, 1),
    Part("Apple_M2_Max", 96, 400, 13.6, None, None, None, None, 1),
    Part("Apple_M2_Ultra", 192, 800, 27.2, None, None, None, None, 1),
    Part("Apple_M3_Max", 128, 400, 14.1, None, None, None, None, 1),
    Part("Apple_M3_Ultra", 512, 819, 28.3, None, None, None, None, 1),
    Part("Apple_M4_Pro", 64, 273, 8.1, None, None, None, None, 1),
    Part("Apple_M4_Max", 128, 546, 16.2, None, None, None, None, 1),
    # Groq, Cerebras, SambaNova and Microsoft at Hot Chips, and Groq's card datasheet
    Part("GroqChip_1", 0.23, 80_000, 188, 275, None, None, None, 8),
    Part("WSE_2", 40, 20e6, None, 23_000, None, None, None, 1),
    Part("WSE_3", 44, 21e6, None, 23_000, None, None, None, 1),
    Part("SN40L", 64, 1600, 638, None, None, None, None, 16),
    Part("Maia_100", 64, 1800, 800, 700, None, None, None, 4),
    # AMD EPYC and Intel ARK specification pages: power and DDR channels of one socket
    Part("EPYC_7763", 4000, 204.8, None, 280, None, None, None, 2),
    Part("EPYC_7713", 4000, 204.8, None, 225, None, None, None, 2),
    Part("EPYC_9654", 6000, 460.8, None, 360, None, None, None, 2),
    Part("EPYC_9554", 6000, 460.8, None, 360, None, None, None, 2),
    Part("EPYC_9454", 6000, 460.8, None, 290, None, None, None, 2),
    Part("EPYC_9684X", 6000, 460.8, None, 400, None, None, None, 2),
    Part("EPYC_9754", 6000, 460.8, None, 360, None, None, None, 2),
    Part("EPYC_9575F", 6000, 614.4, None, 400, None, None, None, 2),
    Part("EPYC_9755", 6000, 614.4, None, 500, None, None, None, 2),
    Part("EPYC_9965", 6000, 614.4, None, 500, None, None, None, 2),
    Part("Xeon_Gold_6430", 4000, 281.6, None, 270, None, None, None, 2),
    Part("Xeon_Platinum_8460YPlus", 4000, 307.2, None, 300, None, None, None, 2),
    Part("Xeon_Platinum_8480Plus", 4000, 307.2, None, 350, None, None, None, 2),
    Part("Xeon_Platinum_8490H", 4000, 307.2, None, 350, None, None, None, 2),
    Part("Xeon_Platinum_8592Plus", 4000, 358.4, None, 350, None, None, None, 2),
    Part("Xeon_Max_9480", 64, 1638.4, None, 350, None, None, None, 2),
    Part("Xeon_6767P", 4000, 409.6, None, 350, None, None, None, 2),
    Part("Xeon_6980P", 3000, 614.4, None, 500, None, None, None, 2),
    Part("Xeon_6780E", 1000, 409.6, None, 330, None, None, None, 2),
]
# fmt: on

# GB of what the table above has not: Apple's technical specifications, data sheets of the rest
CAPACITIES = {
    "Apple_M1_Pro": 32, "Apple_M2": 24, "Apple_M2_Pro": 32, "Apple_M3": 24, "Apple_M3_Pro": 36,
    "Apple_M3_Max_30_core": 96, "Apple_M4": 32, "Apple_M4_Max_32_core": 36, "Apple_M5": 32, "MTIA_v2": 128,
    "MLU370_X4": 24, "MLU370_X8": 48, "RNGD": 48, "Ascend_910A": 32, "Ascend_910B2": 64, "Ascend_910B3": 64,
    "Ascend_910B4": 32, "Cloud_AI_100_Standard": 16, "Cloud_AI_100_Pro": 32, "Wormhole_n150": 12, "Blackhole_p150": 32,
    "Blackhole_p100a": 28, "BR100": 64, "BR104": 32, "MTT_S4000": 48, "Rebel100": 144, "Maia_200": 216, "B100": 192,
    "Grace_CPU_Superchip": 480, "EPYC_7773X": 4000, "EPYC_9734": 6000, "Xeon_Platinum_8470": 4000,
    "Xeon_Platinum_8580": 4000, "Xeon_6960P": 3000, "Xeon_6972P": 3000, "Altra_Max_M128-30": 4000,
    "AmpereOne_A192-32X": 4000, "Jetson_AGX_Xavier_64GB": 64, "Jetson_T4000": 64, "Ryzen_AI_Max_390": 128,
    "Apple_M5_Pro": 64, "Apple_M5_Max": 128, "Apple_M5_Max_32_core": 36, "Arc_Pro_B70": 32, "Atlas_300I_Pro": 24,
    "Corsair": 2, "Gaudi_3_PCIe": 128, "Groq_3_LPU": 0.5, "H800_PCIe": 80, "RTX_2070": 8, "RTX_2080": 8, "RTX_3050": 8,
    "RTX_3080_Ti_Laptop": 16, "RTX_4060_Laptop": 8, "RTX_4070_Laptop": 8, "RTX_4080_Laptop": 12, "RTX_4090_Laptop": 16,
    "RTX_5060": 8, "RTX_5080_Laptop": 16, "RTX_5090_Laptop": 24, "RTX_5880_Ada": 48, "RX_6950_XT": 16, "RX_7600_XT": 16,
    "RX_7800_XT": 16, "RX_7900_GRE": 16, "Radeon_PRO_W6800": 32,
}  # fmt: skip
# GB/s of the same
BANDWIDTHS = {
    "MTIA_v2": 204.8, "MLU370_X4": 307.2, "MLU370_X8": 614.4, "Ascend_910B4": 800, "Groq_3_LPU": 150_000,
    "Blackhole_p100a": 448, "Grace_CPU": 512, "Grace_CPU_Superchip": 1024, "SN40L": 1600, "Corsair": 150_000,
    "Wormhole_n300_Chip": 288, "Ascend_910C_Die": 1600, "Atlas_300I_Pro": 204.8,
}  # fmt: skip
# Watts of the same
POWERS = {
    "RTX_2070": 175, "RTX_2080": 215, "RTX_3050": 130, "RTX_3080_Laptop_16GB": 150, "RTX_3080_Ti_Laptop": 150,
    "RTX_4060_Laptop": 115, "RTX_4070_Laptop": 115, "RTX_4080_Laptop": 150, "RTX_4090_Laptop": 150,
    "RTX_5080_Laptop": 150, "RTX_5090_Laptop": 150, "RTX_5060": 145, "RTX_5060_Ti_8GB": 180, "RTX_5880_Ada": 285,
    "RX_6950_XT": 335, "RX_7600_XT": 190, "RX_7800_XT": 263, "RX_7900_GRE": 260, "RX_9060_XT_16GB": 160,
    "Radeon_PRO_W6800": 250, "Radeon_PRO_W7800_32GB": 260, "H800_PCIe": 350, "H20_141GB": 400, "B100": 700,
    "RTX_PRO_5000_72GB": 300, "Gaudi_3_PCIe": 600, "MLU370_X4": 150, "MLU370_X8": 250, "Ascend_910A": 310, "RNGD": 180,
    "BR100": 550, "BR104": 300, "MTIA_v2": 90, "Maia_200": 750, "Wormhole_n150": 160, "Blackhole_p150": 300,
    "Cloud_AI_100_Pro": 75, "Cloud_AI_100_Standard": 75, "Atlas_300I_Pro": 72, "EPYC_7773X": 280, "EPYC_9734": 340,
    "Xeon_Platinum_8470": 350, "Xeon_Platinum_8580": 350, "Xeon_6960P": 500, "Xeon_6972P": 500,
    "Altra_Max_M128-30": 250, "Jetson_Orin_NX_8GB": 20, "Jetson_Orin_Nano_8GB": 25, "Jetson_T4000": 70,
    "Jetson_AGX_Xavier_64GB": 30, "Ryzen_AI_Max_390": 55, "Arc_Pro_B70": 230, "Blackhole_p100a": 300,
    "Radeon_PRO_W7800_48GB": 281, "Grace_CPU": 250, "Grace_CPU_Superchip": 500,
}  # fmt: skip
# Dense TFLOPS of bf16, or of fp16, where the table above has none and no law of the design is known
RATES = {
    "Ascend_910A": 256, "Ascend_910B2": 376, "Ascend_910B3": 313, "Ascend_910B4": 280, "Atlas_300I_Pro": 70,
    "BR100": 1024, "BR104": 512, "MLU370_X4": 96, "MLU370_X8": 96, "RNGD": 256, "MTIA_v2": 177, "Rebel100": 1000,
    "WSE_2": 7480, "Cloud_AI_100_Pro": 125, "Cloud_AI_100_Standard": 110, "Wormhole_n150": 74, "B100": 1750,
    "RTX_PRO_5000": 258, "RTX_PRO_4000": 147.2, "Gaudi_3_PCIe": 1835, "MTT_S4000": 100, "Jetson_AGX_Orin_64GB": 42.5,
}  # fmt: skip
# GB/s in each direction
LINKS = {
    "Ascend_910A": 90, "BR100": 256, "MLU370_X8": 100, "MTT_S4000": 120, "GroqChip_1": 240, "Maia_200": 1400,
    "Maia_100": 450, "Grace_CPU": 450, "B100": 900,
}  # fmt: skip
# Devices of the usual system
NODES = {
    **dict.fromkeys(("Ascend_910A", "Ascend_910B2", "Ascend_910B3", "Ascend_910B4", "BR100"), 8),
    **dict.fromkeys(("H20_141GB", "B100", "RNGD", "MLU370_X8"), 8),
    "Max_1100": 4, "MTIA_v2": 24, "Trainium_3": 4, "Maia_200": 4, "Grace_CPU": 2, "Grace_CPU_Superchip": 1,
    "Graviton4": 2, "GH200_96GB": 1, "Ascend_910C_Die": 16, "Gaudi_3_PCIe": 4, "Graviton3": 1, "P100_PCIe_16GB": 8,
    "EPYC_7773X": 2, "EPYC_9734": 2, "Xeon_Platinum_8470": 2, "Xeon_Platinum_8580": 2, "Xeon_6960P": 2, "Xeon_6972P": 2,
    "Altra_Max_M128-30": 2, "AmpereOne_A192-32X": 1,
}  # fmt: skip

# MiB of L2, of a processor's last-level cache or of an ASIC's memory on the chip, from the same tables.
CACHES_MIB = {
    "T4": 4, "RTX_2080_Ti": 5.5, "V100_16GB": 6, "V100_32GB": 6, "P100_SXM2_16GB": 4,
    "A100_40GB": 40, "A100_80GB": 40, "A30": 24, "A10": 6, "A40": 6, "RTX_A6000": 6, "RTX_3090": 6, "RTX_3080_10GB": 5,
    "RTX_3060": 3, "L4": 48, "L40": 96, "L40S": 96, "RTX_6000_Ada": 96, "RTX_4090": 72, "RTX_4080": 64,
    "RTX_4070_Ti": 48, "RTX_4070": 36, "RTX_4060_Ti_16GB": 32, "RTX_4060": 24, "H100_SXM": 50, "H100_PCIe": 50,
    "RTX_5090": 96, "RTX_5080": 64, "RTX_5070_Ti": 48, "RTX_5070": 48, "RTX_PRO_6000_Workstation": 128,
    "MI100": 8, "MI210": 8, "MI300X": 32, "MI300A": 24, "RX_7900_XTX": 6, "RX_9070_XT": 8,
    "Arc_A770_16GB": 16, "Arc_B580": 18, "Gaudi_2": 48, "Gaudi_3": 96, "TPU_v4": 160, "TPU_v4i": 144,
    "TPU_v5e": 128, "TPU_v6e": 128, "Trainium_1": 48, "Inferentia_2": 48, "Trainium_2": 224,
    "EPYC_7713": 256, "EPYC_7763": 256, "EPYC_7773X": 768, "EPYC_9454": 256, "EPYC_9554": 256, "EPYC_9654": 384,
    "EPYC_9684X": 1152, "EPYC_9754": 256, "EPYC_9575F": 256, "EPYC_9755": 512, "EPYC_9965": 384,
    "Xeon_Gold_6430": 60, "Xeon_Platinum_8460YPlus": 105, "Xeon_Platinum_8470": 105, "Xeon_Platinum_8480Plus": 105,
    "Xeon_Platinum_8490H": 112.5, "Xeon_Platinum_8580": 300, "Xeon_Platinum_8592Plus": 320, "Xeon_Max_9480": 112.5,
    "Xeon_6767P": 336, "Xeon_6960P": 432, "Xeon_6972P": 480, "Xeon_6980P": 504, "Xeon_6780E": 108,
    "Graviton3": 32, "Graviton4": 36, "Grace_CPU": 114,
}  # fmt: skip

# Lanes of a card's connector, in each direction GB/s, where there are fewer than sixteen or the generation is a trap.
HOST_LINKS = {
    "T4": 15.75, "V100_16GB": 15.75, "P40": 15.75, "RTX_2080_Ti": 15.75, "A2": 15.75, "A10": 31.5, "A30": 31.5,
    "A40": 31.5, "A100_80GB": 31.5, "L4": 31.5, "L40S": 31.5, "RTX_4060": 15.75, "RTX_4060_Ti_16GB": 15.75,
    "RTX_4090": 31.5, "RTX_3090": 31.5, "RTX_A6000": 31.5, "RTX_6000_Ada": 31.5, "H100_SXM": 63, "H100_PCIe": 63,
    "H200": 63, "B200": 63, "RTX_5060_Ti_16GB": 31.5, "RTX_5090": 63, "RTX_PRO_6000_Workstation": 63, "MI100": 31.5,
    "MI210": 31.5, "MI300X": 63, "Gaudi_2": 31.5, "Gaudi_3": 63, "RX_7900_XTX": 31.5, "RX_7600_XT": 15.75,
    "Arc_B580": 15.75, "GH200_96GB": 450, "GB200": 225,
}  # fmt: skip

INSTANCES = {
    # AWS: specifications of accelerated computing instances
    "p3.2xlarge": ("V100_16GB", 1), "p3.8xlarge": ("V100_16GB", 4), "p3.16xlarge": ("V100_16GB", 8),
    "p3dn.24xlarge": ("V100_32GB", 8), "p4d.24xlarge": ("A100_40GB", 8), "p4de.24xlarge": ("A100_80GB", 8),
    "p5.4xlarge": ("H100_SXM", 1), "p5.48xlarge": ("H100_SXM", 8), "p5e.48xlarge": ("H200", 8),
    "p5en.48xlarge": ("H200", 8), "p6-b200.48xlarge": ("B200", 8), "p6-b300.48xlarge": ("B300", 8),
    "p6e-gb200.36xlarge": ("GB200", 4),
    "g4dn.xlarge": ("T4", 1), "g4dn.2xlarge": ("T4", 1), "g4dn.4xlarge": ("T4", 1), "g4dn.8xlarge": ("T4", 1),
    "g4dn.16xlarge": ("T4", 1), "g4dn.12xlarge": ("T4", 4), "g4dn.metal": ("T4", 8),
    "g5.xlarge": ("A10G", 1), "g5.2xlarge": ("A10G", 1), "g5.4xlarge": ("A10G", 1), "g5.8xlarge": ("A10G", 1),
    "g5.16xlarge": ("A10G", 1), "g5.12xlarge": ("A10G", 4), "g5.24xlarge": ("A10G", 4), "g5.48xlarge": ("A10G", 8),
    "g6.xlarge": ("L4", 1), "g6.2xlarge": ("L4", 1), "g6.4xlarge": ("L4", 1), "g6.8xlarge": ("L4", 1),
    "g6.16xlarge": ("L4", 1), "g6.12xlarge": ("L4", 4), "g6.24xlarge": ("L4", 4), "g6.48xlarge": ("L4", 8),
    "gr6.4xlarge": ("L4", 1), "gr6.8xlarge": ("L4", 1),
    "g6e.xlarge": ("L40S", 1), "g6e.2xlarge": ("L40S", 1), "g6e.4xlarge": ("L40S", 1), "g6e.8xlarge": ("L40S", 1),
    "g6e.16xlarge": ("L40S", 1), "g6e.12xlarge": ("L40S", 4), "g6e.24xlarge": ("L40S", 4), "g6e.48xlarge": ("L40S", 8),
    "g7e.2xlarge": ("RTX_PRO_6000_Server", 1), "g7e.12xlarge": ("RTX_PRO_6000_Server", 2),
    "g7e.24xlarge": ("RTX_PRO_6000_Server", 4), "g7e.48xlarge": ("RTX_PRO_6000_Server", 8),
    "inf1.xlarge": ("Inferentia_1", 1), "inf1.2xlarge": ("Inferentia_1", 1), "inf1.6xlarge": ("Inferentia_1", 4),
    "inf1.24xlarge": ("Inferentia_1", 16), "inf2.xlarge": ("Inferentia_2", 1), "inf2.8xlarge": ("Inferentia_2", 1),
    "inf2.24xlarge": ("Inferentia_2", 6), "inf2.48xlarge": ("Inferentia_2", 12), "trn1.2xlarge": ("Trainium_1", 1),
    "trn1.32xlarge": ("Trainium_1", 16), "trn1n.32xlarge": ("Trainium_1", 16), "trn2.48xlarge": ("Trainium_2", 16),
    "p6e-gb300.36xlarge": ("GB300", 4), "g7e.4xlarge": ("RTX_PRO_6000_Server", 1),
    "g7e.8xlarge": ("RTX_PRO_6000_Server", 1), "trn2u.48xlarge": ("Trainium_2", 16), "c7g.metal": ("Graviton3", 1),
    "m7g.16xlarge": ("Graviton3", 1), "r7g.16xlarge": ("Graviton3", 1), "c8g.metal-24xl": ("Graviton4", 1),
    "c8g.metal-48xl": ("Graviton4", 2), "m8g.24xlarge": ("Graviton4", 1), "m8g.48xlarge": ("Graviton4", 2),
    "r8g.24xlarge": ("Graviton4", 1), "r8g.48xlarge": ("Graviton4", 2),
    "dl2q.24xlarge": ("Cloud_AI_100_Standard", 8), "c7g.16xlarge": ("Graviton3", 1), "c8g.24xlarge": ("Graviton4", 1),
    "c8g.48xlarge": ("Graviton4", 2),
    # Google Cloud: GPU machine types; TPU configurations of Google Kubernetes Engine
    "a2-highgpu-1g": ("A100_40GB", 1), "a2-highgpu-8g": ("A100_40GB", 8), "a2-megagpu-16g": ("A100_40GB", 16),
    "a2-ultragpu-1g": ("A100_80GB", 1), "a2-ultragpu-8g": ("A100_80GB", 8), "a3-highgpu-8g": ("H100_SXM", 8),
    "a3-megagpu-8g": ("H100_SXM", 8), "a3-ultragpu-8g": ("H200", 8), "a4-highgpu-8g": ("B200", 8),
    "a4x-highgpu-4g": ("GB200", 4), "g2-standard-4": ("L4", 1), "g2-standard-8": ("L4", 1), "g2-standard-12": ("L4", 1),
    "g2-standard-16": ("L4", 1), "g2-standard-32": ("L4", 1), "g2-standard-24": ("L4", 2), "g2-standard-48": ("L4", 4),
    "g2-standard-96": ("L4", 8), "g4-standard-48": ("RTX_PRO_6000_Server", 1),
    "g4-standard-384": ("RTX_PRO_6000_Server", 8), "ct5lp-hightpu-8t": ("TPU_v5e", 8),
    "ct5p-hightpu-4t": ("TPU_v5p", 4),
    "ct6e-standard-8t": ("TPU_v6e", 8), "ct4p-hightpu-4t": ("TPU_v4", 4), "v5litepod-16": ("TPU_v5e", 16),
    "v5p-8": ("TPU_v5p", 4), "v4-8": ("TPU_v4", 4), "v3-8": ("TPU_v3", 4), "v2-8": ("TPU_v2", 4),
    "v6e-8": ("TPU_v6e", 8),
    # Azure: GPU accelerated virtual machine sizes
    "Standard_ND96asr_v4": ("A100_40GB", 8), "Standard_ND96amsr_A100_v4": ("A100_80GB", 8),
    "Standard_NC24ads_A100_v4": ("A100_PCIe_80GB", 1), "Standard_NC48ads_A100_v4": ("A100_PCIe_80GB", 2),
    "Standard_NC96ads_A100_v4": ("A100_PCIe_80GB", 4), "Standard_ND96isr_H100_v5": ("H100_SXM", 8),
    "Standard_NC40ads_H100_v5": ("H100_NVL", 1), "Standard_NC80adis_H100_v5": ("H100_NVL", 2),
    "Standard_ND96isr_H200_v5": ("H200", 8), "Standard_ND96isr_MI300X_v5": ("MI300X", 8),
    "Standard_ND128isr_NDR_GB200_v6": ("GB200", 4), "Standard_NC4as_T4_v3": ("T4", 1),
    "Standard_NC8as_T4_v3": ("T4", 1), "Standard_NC16as_T4_v3": ("T4", 1), "Standard_NC64as_T4_v3": ("T4", 4),
    "Standard_NC6s_v3": ("V100_PCIe_16GB", 1), "Standard_NC24s_v3": ("V100_PCIe_16GB", 4),
    "Standard_ND40rs_v2": ("V100_32GB", 8), "Standard_NC6s_v2": ("P100_PCIe_16GB", 1),
    "Standard_NV36ads_A10_v5": ("A10", 1), "Standard_NV72ads_A10_v5": ("A10", 2),
    # Oracle Cloud: compute shapes
    "BM.GPU4.8": ("A100_40GB", 8), "BM.GPU.A100-v2.8": ("A100_80GB", 8), "BM.GPU.H100.8": ("H100_SXM", 8),
    "BM.GPU.H200.8": ("H200", 8), "BM.GPU.MI300X.8": ("MI300X", 8), "BM.GPU.L40S.4": ("L40S", 4),
    "BM.GPU.A10.4": ("A10", 4), "VM.GPU.A10.2": ("A10", 2),
}  # fmt: skip

# Dollars an hour of the whole instance on demand, as the providers' price lists of the United States had it in 2025.
PRICES = {
    "p3.2xlarge": 3.06, "p3.16xlarge": 24.48, "p3dn.24xlarge": 31.21, "p4d.24xlarge": 21.96, "p4de.24xlarge": 27.45,
    "p5.48xlarge": 55.04, "p5.4xlarge": 6.88, "p5en.48xlarge": 63.3, "p6-b200.48xlarge": 113.93,
    "g4dn.xlarge": 0.526, "g4dn.8xlarge": 2.176, "g5.xlarge": 1.006, "g5.12xlarge": 5.672, "g5.48xlarge": 16.29,
    "g6.xlarge": 0.805, "g6.48xlarge": 13.35, "g6e.xlarge": 1.861, "g6e.2xlarge": 2.242, "g6e.48xlarge": 30.13,
    "inf1.xlarge": 0.228, "inf1.2xlarge": 0.362, "inf1.6xlarge": 1.18, "inf1.24xlarge": 4.721,
    "inf2.xlarge": 0.758, "inf2.8xlarge": 1.968, "inf2.24xlarge": 6.491, "inf2.48xlarge": 12.98, "trn1.2xlarge": 1.344,
    "trn1.32xlarge": 21.5, "trn1n.32xlarge": 24.78, "c7g.16xlarge": 2.32, "m7g.16xlarge": 2.611, "c8g.48xlarge": 7.657,
    "a2-highgpu-1g": 3.673, "a2-highgpu-2g": 7.347, "a2-ultragpu-1g": 5.069, "a2-ultragpu-8g": 40.55,
    "a3-highgpu-8g": 88.25, "a3-ultragpu-8g": 84.8, "g2-standard-4": 0.707, "v2-8": 4.5, "v3-8": 8.0,
    "Standard_ND96asr_v4": 27.2, "Standard_ND96amsr_A100_v4": 32.77, "Standard_NC24ads_A100_v4": 3.673,
    "Standard_ND96isr_H100_v5": 98.32, "Standard_NC40ads_H100_v5": 6.98, "Standard_ND96isr_H200_v5": 84.8,
    "Standard_ND96isr_MI300X_v5": 48.0, "Standard_NC4as_T4_v3": 0.526, "Standard_NC6s_v3": 3.06,
    "Standard_ND40rs_v2": 22.03, "Standard_NV36ads_A10_v5": 3.2,
    "BM.GPU4.8": 24.4, "BM.GPU.A100-v2.8": 32.0, "BM.GPU.H100.8": 80.0, "BM.GPU.H200.8": 80.0, "BM.GPU.MI300X.8": 48.0,
    "BM.GPU.L40S.4": 14.0, "BM.GPU.A10.4": 8.0, "VM.GPU.A10.1": 2.0, "BM.GPU3.8": 23.6, "VM.GPU3.1": 2.95,
    "VM.GPU2.1": 1.275,
}  # fmt: skip
# Dollars an hour of the whole instance as they are listed, exactly: Azure's without Windows, Google's spot of 2026-02.
LISTED = {
    ("Standard_NC96ads_A100_v4", "on_demand"): 14.692, ("Standard_NC48ads_A100_v4", "on_demand"): 7.346,
    ("Standard_NC24ads_A100_v4", "on_demand"): 3.673, ("Standard_NC80adis_H100_v5", "on_demand"): 13.96,
    ("Standard_NC40ads_H100_v5", "on_demand"): 6.98, ("a2-ultragpu-8g", "spot"): 20.20,
    ("a2-highgpu-1g", "spot"): 1.8039,
}  # fmt: skip
# Dollars an hour of one chip on demand: Google Cloud TPU pricing, us-central1 or the first region that has it.
CHIP_PRICES = {"TPU_v4": 3.22, "TPU_v5e": 1.2, "TPU_v5p": 4.2, "TPU_v6e": 2.7}
# Devices of racks and super-nodes: NVIDIA, AWS
BOARDS = {"GB200 NVL72": ("GB200", 72), "GB300 NVL72": ("GB300", 72), "Trn2 UltraServer": ("Trainium_2", 64)}
# Devices that the link joins beyond a node's
LINK_DOMAINS = {
    "GB200": 72, "GB300": 72, "Trainium_2": 64, "Trainium_3": 144, "H100_SXM": 8, "H100_NVL": 8, "MI300X": 8,
    "MI300A": 4, "TPU_v2": 256, "TPU_v3": 1024, "TPU_v4": 4096, "TPU_v5e": 256, "TPU_v5p": 8960, "TPU_v6e": 256,
    "TPU7x": 9216,
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_is_what_its_datasheet_says(part: Part) -> None:
    accelerator = ALL[part.name]
    peaks = accelerator.peak_flops
    # datasheets round a capacity of whole GiB to GB, and a bandwidth to three or four digits
    assert accelerator.memory_gb == pytest.approx(part.memory_gb, rel=1e-3)
    assert accelerator.memory_bandwidth / 1e9 == pytest.approx(part.bandwidth, rel=2e-3)
    if part.sixteen is not None:
        assert peaks.get("bf16", peaks.get("fp16", 0)) / 1e12 == pytest.approx(part.sixteen, rel=0.01)
    if part.watts is not None:
        assert accelerator.tdp_w == part.watts
    assert part.capability in (None, accelerator.compute_capability)
    if part.pci is not None:
        assert accelerator.pci_ids[0].partition(":")[2] == part.pci
    if part.link is not None:
        assert accelerator.link is not None
        assert accelerator.link.bandwidth / 1e9 == pytest.approx(part.link)
    assert part.node in (None, accelerator.devices_per_node)


def test_there_are_sixty_parts_and_forty_instance_types() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS) >= 60
    assert len(INSTANCES) >= 40


def test_the_rest_of_the_catalogue() -> None:
    assert {name: ALL[name].memory_gb for name in CAPACITIES} == pytest.approx(CAPACITIES, rel=1e-3)
    assert {name: ALL[name].memory_bandwidth / 1e9 for name in BANDWIDTHS} == pytest.approx(BANDWIDTHS, rel=5e-3)
    assert {name: ALL[name].tdp_w for name in POWERS} == POWERS
    peaks = {name: ALL[name].peak_flops for name in RATES}
    found = {name: rates.get("bf16", rates.get("fp16", 0.0)) / 1e12 for name, rates in peaks.items()}
    assert found == pytest.approx(RATES, rel=0.01)
    links = {name: ALL[name].link for name in LINKS}
    assert {name: link.bandwidth / 1e9 for name, link in links.items() if link is not None} == pytest.approx(LINKS)
    assert {name: ALL[name].devices_per_node for name in NODES} == NODES


def test_caches() -> None:
    assert {name: (ALL[name].cache_bytes or 0) / MIB for name in CACHES_MIB} == CACHES_MIB


def test_host_links() -> None:
    links = {name: ALL[name].host_link for name in HOST_LINKS}
    assert {name: link.bandwidth / 1e9 for name, link in links.items() if link is not None} == HOST_LINKS


def test_instance_types() -> None:
    assert {instance: ALL[name].instances.get(instance) for instance, (name, _) in INSTANCES.items()} == {
        instance: count for instance, (_, count) in INSTANCES.items()
    }
    for instance, (name, count) in INSTANCES.items():
        found = ALL[name].in_instance(instance) if ALL[name].instance_memory else ALL[name]
        assert find_devices(instance) == (found, count)


def test_prices_are_near_the_lists() -> None:
    # a list moves by a third at once, not by half; a price of one device for an instance of two would
    found = set()
    for accelerator in ALL.values():
        for price in accelerator.prices:
            if price.tier != "on_demand":
                continue
            if price.instance in PRICES:
                found.add(price.instance)
                assert 0.65 <= price.usd_per_hour / PRICES[price.instance] <= 1.5, price.instance
            elif accelerator.name in CHIP_PRICES and price.instance is None:
                assert 0.65 <= price.usd_per_device_hour / CHIP_PRICES[accelerator.name] <= 1.5, accelerator.name
    assert len(found) >= 40


def test_prices_are_the_listed_ones() -> None:
    found = {(price.instance, price.tier): price.usd_per_hour for entry in ALL.values() for price in entry.prices}
    assert {key: found[key] for key in LISTED} == LISTED


def test_boards_and_domains() -> None:
    for board, (name, count) in BOARDS.items():
        assert ALL[name].boards[board] == count
    for name, joined in LINK_DOMAINS.items():
        assert ALL[name].link_domain == joined
