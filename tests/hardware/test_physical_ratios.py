"""Laws that hold over the whole catalogue: what a chip's parts, bus, links and names make of its figures.

Units, clocks, widths and rates here are from the makers' tables of their designs, not from the catalogue's files. A law
says nothing of a design that it does not list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from statistics import median

import pytest

from llm_memory_hardware import Accelerator, all_accelerators, get_accelerator

from .checks import over

ALL = all_accelerators()
GIB = 2**30
MIB = 2**20
every_accelerator = over(ALL)


_SHARES = {"Half": 2, "Third": 3, "Quarter": 4, "Sixth": 6, "Eighth": 8}


def _share_of(accelerator: Accelerator) -> tuple[str, int] | None:
    """The card whose time and memory several machines share, and among how many."""
    card, _, share = accelerator.name.rpartition("_")
    return (card, _SHARES[share]) if share in _SHARES else None


def _is_geforce(accelerator: Accelerator) -> bool:
    return bool(re.fullmatch(r"RTX_[2345]0[5-9]0\w*", accelerator.name))


# --- memory ---------------------------------------------------------------------------------------------------------

# Gbit/s of one pin, as parts are sold: a rate between two of these is a fault of the bandwidth.
_SPEED_GRADES = {
    "GDDR5": (7, 7.2, 8),
    "GDDR5X": (10, 11),
    "GDDR6": (10, 12, 12.5, 14, 14.5, 15, 16, 17, 17.5, 18, 19, 19.5, 20),
    "GDDR6X": (19, 19.5, 21, 22.4, 23),
    "GDDR7": (24, 25, 28, 30),  # 24: laptops of 8 GB; 25: the passive RTX PRO 6000
    "LPDDR4": (3.2, 3.733),
    "LPDDR4X": (3.733, 4.266),
    "LPDDR5": (6.25, 6.4),  # 6.25: Apple rounds 409.6 GB/s to 400
    "LPDDR5X": (7.5, 8, 8.448, 8.533, 9.6),
    "DDR4": (3.2,),
    "DDR5": (4.4, 4.8, 5.2, 5.6, 6.4),
}
# The stacks of HBM are clocked as the card's power allows: a range for each generation.
_STACK_RATES = {
    "HBM2": (1.42, 2.45),
    "HBM2E": (3.0, 3.65),
    "HBM3": (4.8, 6.45),
    "HBM3E": (5.8, 9.6),
}
_MEMORY_BY_ARCHITECTURE = {
    ("Turing", "GDDR6"): (10, 14),
    ("Ampere", "GDDR6"): (12, 16),
    ("Ampere", "GDDR6X"): (19, 21),
    ("Ada Lovelace", "GDDR6"): (12.5, 20),
    ("Ada Lovelace", "GDDR6X"): (21, 23),
    ("RDNA 2", "GDDR6"): (16, 18),
    ("RDNA 3", "GDDR6"): (18, 20),
    ("RDNA 4", "GDDR6"): (20, 20),
    ("Xe2 HPG", "GDDR6"): (14, 19),
    ("Hopper", "HBM2E"): (3.1, 3.3),
    ("Hopper", "HBM3"): (5.0, 5.3),
    ("Hopper", "HBM3E"): (6.2, 6.4),
    ("Blackwell", "HBM3E"): (7.5, 8.0),
    ("Blackwell Ultra", "HBM3E"): (7.5, 8.0),
    ("CDNA 3", "HBM3"): (5.1, 5.3),
    ("CDNA 4", "HBM3E"): (7.7, 8.0),
}
# Stacks of HBM where the catalogue has no width of the bus: 1024 bits each.
_STACKS = {
    **dict.fromkeys(("H100_NVL", "H20", "H20_141GB", "H200", "H200_NVL", "GH200_96GB", "GH200_144GB"), 6),
    **dict.fromkeys(("B100", "B200", "B300", "GB200", "GB300", "Gaudi_3", "Gaudi_3_PCIe", "TPU7x"), 8),
    **dict.fromkeys(("Gaudi_2", "TPU_v5p", "Maia_200"), 6),
    **dict.fromkeys(("Trainium_2", "Trainium_3", "TPU_v4", "Maia_100", "Rebel100", "Xeon_Max_9480"), 4),
    **dict.fromkeys(("Ascend_910A", "Ascend_910B2", "Ascend_910B3"), 4),
    **dict.fromkeys(("TPU_v6e", "RNGD"), 2),
}
_BUS_BITS = {
    **{name: 1024 * stacks for name, stacks in _STACKS.items()},
    # Apple's packages
    **dict.fromkeys(("Apple_M1", "Apple_M2", "Apple_M3", "Apple_M4", "Apple_M5"), 128),
    **dict.fromkeys(("Apple_M1_Pro", "Apple_M2_Pro", "Apple_M4_Pro", "Apple_M5_Pro"), 256),
    "Apple_M3_Pro": 192,
    **dict.fromkeys(("Apple_M1_Max", "Apple_M2_Max", "Apple_M3_Max", "Apple_M4_Max", "Apple_M5_Max"), 512),
    **dict.fromkeys(("Apple_M3_Max_30_core", "Apple_M4_Max_32_core", "Apple_M5_Max_32_core"), 384),
    **dict.fromkeys(("Apple_M1_Ultra", "Apple_M2_Ultra", "Apple_M3_Ultra"), 1024),
}
# DDR channels of a socket, each of 64 bits, and MT/s.
_CHANNELS = {
    "Zen 3": (8, 3200),
    "Zen 4": (12, 4800),
    "Zen 4c": (12, 4800),
    "Zen 5": (12, 6400),
    "Zen 5c": (12, 6400),
    "Sapphire Rapids": (8, 4800),
    "Emerald Rapids": (8, 5600),
    "Sierra Forest": (8, 6400),
    "Neoverse N1": (8, 3200),
    "Neoverse V1": (8, 4800),
    "AmpereOne": (8, 5200),
    "Xeon_Gold_6430": (8, 4400),
    "Xeon_6767P": (8, 6400),
    "Xeon_6787P": (8, 6400),
    "Xeon_6960P": (12, 6400),
    "Xeon_6972P": (12, 6400),
    "Xeon_6980P": (12, 6400),
    "Graviton4": (12, 5600),
}
# The same of processors for desktops and workstations, by how their names begin.
_CHANNELS_BY_NAME = {
    r"Ryzen_\d_9": (2, 5600),
    r"Ryzen_\d_7": (2, 5200),
    r"Ryzen_\d_[35]": (2, 3200),
    r"Threadripper_PRO_9": (8, 6400),
    r"Threadripper_9": (4, 6400),
    r"Threadripper_PRO_7": (8, 5200),
    r"Threadripper_7": (4, 5200),
    r"Threadripper_PRO_5": (8, 3200),
    r"Threadripper_3": (4, 3200),
    r"Core_Ultra": (2, 6400),
    r"Core_i5_1[34][45]00$": (2, 4800),
    r"Core_i5_10": (2, 2666),
    r"Core_i7_7": (2, 2400),
    r"Core_i\d_1[34]": (2, 5600),
    r"Core_i\d_12": (2, 4800),
    r"Core_i\d_10": (2, 2933),
    r"Core_i\d_[89]": (2, 2666),
}
# GB of one 32-bit channel of GDDR (one chip, or two back to back), and of one stack of HBM.
_CHANNEL_GB = {"GDDR5": (0.5, 1, 2), "GDDR5X": (1,), "GDDR6": (1, 2, 4), "GDDR6X": (1, 2, 4), "GDDR7": (2, 3, 4, 6)}
_STACK_GB = {"HBM2": (4, 8), "HBM2E": (16,), "HBM3": (16, 24), "HBM3E": (24, 32, 36)}


def _kind(accelerator: Accelerator) -> str:
    return (accelerator.memory_type or "").upper()


def _bus(accelerator: Accelerator) -> int | None:
    return accelerator.memory_bus_bits or _BUS_BITS.get(accelerator.name)


@every_accelerator
def test_the_rate_of_a_pin_is_a_speed_grade_of_its_memory(accelerator: Accelerator) -> None:
    bus = _bus(accelerator)
    if bus is None:
        return
    rate = accelerator.memory_bandwidth * 8 / bus / 1e9
    kind = _kind(accelerator)
    if kind in _STACK_RATES:
        lowest, highest = _STACK_RATES[kind]
        # a datasheet that is rounded to a tenth of a TB/s
        assert lowest * 0.995 <= rate <= highest * 1.005, f"{kind} at {rate:.3f} Gb/s a pin"
    elif kind in _SPEED_GRADES:
        grades = _SPEED_GRADES[kind]
        assert any(rate == pytest.approx(grade, rel=0.006) for grade in grades), f"{kind} at {rate:.3f} Gb/s a pin"
    band = _MEMORY_BY_ARCHITECTURE.get((accelerator.architecture, kind))
    if band:
        assert band[0] * 0.994 <= rate <= band[1] * 1.006, f"{kind} of {accelerator.architecture} at {rate:.3f} Gb/s"


@every_accelerator
def test_a_processor_s_bandwidth_is_its_channels_times_their_rate(accelerator: Accelerator) -> None:
    named = [rate for start, rate in _CHANNELS_BY_NAME.items() if re.match(start, accelerator.name)]
    found = named[0] if named else _CHANNELS.get(accelerator.name) or _CHANNELS.get(accelerator.architecture)
    if accelerator.type == "cpu" and found and _kind(accelerator).startswith("DDR"):
        channels, transfers = found
        assert accelerator.memory_bandwidth == pytest.approx(channels * transfers * 8e6)


@every_accelerator
def test_the_capacity_is_that_of_whole_chips_on_the_bus(accelerator: Accelerator) -> None:
    bus, kind = _bus(accelerator), _kind(accelerator)
    if bus is None:
        return
    if kind in _CHANNEL_GB:
        one = accelerator.memory_gb / (bus / 32)
        assert one in _CHANNEL_GB[kind], f"{one} GB on each of {bus // 32} channels"
    elif kind in _STACK_GB:
        one = accelerator.memory_gb / (bus / 1024)
        # sold in GB or in GiB, and a little of the newest is kept back
        assert any(0.93 * size <= one <= 1.075 * size for size in _STACK_GB[kind]), f"{one} GB a stack of {kind}"


@every_accelerator
def test_the_capacity_in_a_name_is_the_capacity(accelerator: Accelerator) -> None:
    told = re.search(r"_(\d+)GB(?:_|$)", accelerator.name)
    if told:
        assert round(accelerator.memory_gb) == int(told[1])


@every_accelerator
def test_the_usable_memory_is_the_marketed_one_less_what_is_kept(accelerator: Accelerator) -> None:
    usable = accelerator.usable_memory_bytes
    if accelerator.type == "gpu" and not _kind(accelerator).startswith("LPDDR") and accelerator.name != "MI300A":
        # a card sold in GB holds GiB; error correction inside GDDR takes a sixteenth, a driver up to as much again
        assert 0.87 <= usable / GIB / accelerator.memory_gb <= 1.0
    else:
        assert usable <= max(accelerator.memory_bytes, accelerator.memory_gb * GIB)


# --- on-chip memory -------------------------------------------------------------------------------------------------

_CACHE_MIB_OF_AMD = {
    "gfx906": (4,),
    "gfx908": (8,),
    "gfx90a": (8,),
    "gfx942": (24, 32),
    "gfx950": (32,),
    "gfx1030": (4,),
    "gfx1035": (2,),
    "gfx1100": (6,),
    "gfx1101": (4,),
    "gfx1102": (2,),
    "gfx1103": (2,),
    "gfx1150": (2,),
    "gfx1151": (2,),
    "gfx1200": (4,),
    "gfx1201": (8,),
}
# MiB of L2 for 64 bits of bus, from the most cut-down chip to the whole one.
_CACHE_MIB_A_CONTROLLER = {
    ("Pascal", "GDDR5"): (0.5, 0.5),
    ("Turing", "GDDR6"): (1, 1),
    ("Ampere", "GDDR6"): (1, 1.2),
    ("Ampere", "GDDR6X"): (1, 1),
    ("Ada Lovelace", "GDDR6"): (6, 20),
    ("Ada Lovelace", "GDDR6X"): (12, 16),
    ("Blackwell", "GDDR7"): (12, 16),
}
_CACHE_MIB = {
    ("Pascal", "HBM2"): (4, 4),
    ("Volta", "HBM2"): (6, 6),
    ("Ampere", "HBM2"): (24, 40),
    ("Ampere", "HBM2E"): (40, 40),
    ("Ampere", "LPDDR5"): (4, 4),
    ("Hopper", "HBM2E"): (50, 50),
    ("Hopper", "HBM3"): (50, 60),
    ("Hopper", "HBM3E"): (50, 60),
    ("Blackwell", "HBM3E"): (120, 130),
    ("Blackwell Ultra", "HBM3E"): (120, 130),
}


@every_accelerator
def test_the_cache_is_that_of_the_chip(accelerator: Accelerator) -> None:
    if accelerator.cache_bytes is None:
        return
    cache, kind = accelerator.cache_bytes / MIB, _kind(accelerator)
    amd = _CACHE_MIB_OF_AMD.get(accelerator.compute_capability or "")
    if amd:
        assert cache in amd
    whole = _CACHE_MIB.get((accelerator.architecture, kind))
    if whole:
        assert whole[0] <= cache <= whole[1], f"{cache} MiB"
    part = _CACHE_MIB_A_CONTROLLER.get((accelerator.architecture, kind))
    if part and accelerator.memory_bus_bits:
        assert part[0] <= cache / (accelerator.memory_bus_bits / 64) <= part[1], f"{cache} MiB"


# --- rates ----------------------------------------------------------------------------------------------------------

# FLOP a clock of one SM, CU, Xe core or GPU core: two for each fp32 lane, of which RDNA 3 and CDNA 3 issue two at once.
_LANES: Mapping[str, int | Mapping[str, int]] = {
    "Pascal": {"6.0": 128, "6.1": 256, "6.2": 256},
    "Volta": 128,
    "Turing": 128,
    "Ampere": {"8.0": 128, "8.6": 256, "8.7": 256},
    "Vega 20": 128,
    "CDNA": 128,
    "CDNA 2": 128,
    "RDNA 2": 128,
}
_LANES_OF_THE_REST = 256
# Units and MHz of the boost clock, from the makers' specification tables.
_UNITS_AND_CLOCK = {
    # Maxwell, Pascal, Volta, Turing
    "Jetson_Nano": (1, 921.6), "Jetson_TX2": (2, 1300), "GTX_1050_Ti": (6, 1392), "GTX_1060_3GB": (9, 1708),
    "GTX_1060_6GB": (10, 1708), "GTX_1070": (15, 1683), "GTX_1070_Ti": (19, 1683), "GTX_1080": (20, 1733),
    "GTX_1080_Ti": (28, 1582), "Jetson_Xavier_NX_8GB": (6, 1100), "Jetson_Xavier_NX_16GB": (6, 1100),
    "RTX_2080_Ti_22GB": (68, 1545),
    "P100_PCIe_16GB": (56, 1303), "P100_SXM2_16GB": (56, 1480), "P40": (30, 1531),
    "V100_16GB": (80, 1530), "V100_32GB": (80, 1530), "V100_PCIe_16GB": (80, 1380), "V100_PCIe_32GB": (80, 1380),
    "V100S_PCIe_32GB": (80, 1597), "Jetson_AGX_Xavier_32GB": (8, 1377), "Jetson_AGX_Xavier_64GB": (8, 1377),
    "T4": (40, 1590), "RTX_2060_12GB": (34, 1650), "RTX_2070": (36, 1620), "RTX_2080": (46, 1710),
    "RTX_2080_Ti": (68, 1545), "TITAN_RTX": (72, 1770), "Quadro_RTX_6000": (72, 1770), "Quadro_RTX_8000": (72, 1770),
    # Ampere
    "A100_40GB": (108, 1410), "A100_80GB": (108, 1410), "A100_PCIe_40GB": (108, 1410), "A100_PCIe_80GB": (108, 1410),
    "A800_SXM_80GB": (108, 1410), "A800_PCIe_80GB": (108, 1410), "A30": (56, 1440),
    "A2": (10, 1770), "A10": (72, 1695), "A10G": (80, 1710), "A16": (10, 1755), "A40": (84, 1740),
    "RTX_A2000_12GB": (26, 1200), "RTX_A4000": (48, 1560), "RTX_A4500": (56, 1650), "RTX_A5000": (64, 1695),
    "RTX_A5500": (80, 1665), "RTX_A6000": (84, 1800),
    "RTX_3050": (20, 1777), "RTX_3060": (28, 1777), "RTX_3060_Ti": (38, 1665), "RTX_3070": (46, 1725),
    "RTX_3070_Ti": (48, 1770), "RTX_3080_10GB": (68, 1710), "RTX_3080_12GB": (70, 1710), "RTX_3080_Ti": (80, 1665),
    "RTX_3090": (82, 1695), "RTX_3090_Ti": (84, 1860), "RTX_3080_Laptop_16GB": (48, 1710),
    "RTX_3080_Ti_Laptop": (58, 1590), "RTX_3070_Laptop": (40, 1620), "RTX_3060_Laptop": (30, 1702),
    "RTX_4050_Laptop": (20, 2370), "RTX_5060_Laptop": (26, 2497), "RTX_5070_Laptop": (36, 2347),
    "RTX_5070_Ti_Laptop": (46, 2220),
    "Jetson_AGX_Orin_64GB": (16, 1300), "Jetson_AGX_Orin_32GB": (14, 930), "Jetson_Orin_NX_16GB": (8, 918),
    "Jetson_Orin_Nano_4GB": (4, 1020), "Jetson_Orin_NX_8GB": (8, 765), "Jetson_Orin_Nano_8GB": (8, 1020),
    # Ada Lovelace
    "L4": (58, 2040), "L20": (92, 2520), "L40": (142, 2490), "L40S": (142, 2520),
    "RTX_2000_Ada": (22, 2130), "RTX_4000_SFF_Ada": (48, 1560), "RTX_4000_Ada": (48, 2175), "RTX_4500_Ada": (60, 2580),
    "RTX_5000_Ada": (100, 2550), "RTX_5880_Ada": (110, 2460), "RTX_6000_Ada": (142, 2505),
    "RTX_4060": (24, 2460), "RTX_4060_Ti_8GB": (34, 2535), "RTX_4060_Ti_16GB": (34, 2535), "RTX_4070": (46, 2475),
    "RTX_4070_SUPER": (56, 2475), "RTX_4070_Ti": (60, 2610), "RTX_4070_Ti_SUPER": (66, 2610), "RTX_4080": (76, 2505),
    "RTX_4080_SUPER": (80, 2550), "RTX_4090": (128, 2520), "RTX_4090_48GB": (128, 2520), "RTX_4090_D": (114, 2520),
    "RTX_4060_Laptop": (24, 2370), "RTX_4070_Laptop": (36, 2175), "RTX_4080_Laptop": (58, 2280),
    "RTX_4090_Laptop": (76, 2040),
    # Hopper, Blackwell
    "H100_SXM": (132, 1980), "H800_SXM": (132, 1980), "H200": (132, 1980), "GH200_96GB": (132, 1980),
    "GH200_144GB": (132, 1980), "H100_PCIe": (114, 1755), "H800_PCIe": (114, 1755), "H100_NVL": (132, 1785),
    "H200_NVL": (132, 1785), "B200": (148, 1965), "B300": (148, 1965), "Jetson_T5000": (20, 1575),
    "RTX_5060": (30, 2497), "RTX_5060_Ti_8GB": (36, 2572), "RTX_5060_Ti_16GB": (36, 2572), "RTX_5070": (48, 2512),
    "RTX_5070_Ti": (70, 2452), "RTX_5080": (84, 2617), "RTX_5090": (170, 2407), "RTX_5080_Laptop": (60, 2287),
    "RTX_5090_Laptop": (82, 2160), "RTX_PRO_4500": (82, 2407), "RTX_PRO_6000_Workstation": (188, 2617),
    "RTX_PRO_6000_Max_Q": (188, 2288),
    # AMD
    "MI50_16GB": (60, 1725), "MI50_32GB": (60, 1725), "MI60": (64, 1800), "Radeon_680M": (12, 2400),
    "Radeon_760M": (8, 2600), "Radeon_780M": (12, 2700), "Radeon_880M": (12, 2900), "Radeon_890M": (16, 2900),
    "MI100": (120, 1502), "MI210": (104, 1700), "MI300A": (228, 2100), "MI300X": (304, 2100), "MI325X": (304, 2100),
    "MI350X": (256, 2200), "MI355X": (256, 2400),
    "Radeon_PRO_W6800": (60, 2320), "RX_6800_XT": (72, 2250), "RX_6900_XT": (80, 2250), "RX_6950_XT": (80, 2310),
    "RX_7600_XT": (32, 2755), "RX_7800_XT": (60, 2430), "RX_7900_GRE": (80, 2245), "RX_7900_XT": (84, 2400),
    "RX_7900_XTX": (96, 2498), "Radeon_PRO_W7800_32GB": (70, 2525), "Radeon_PRO_W7800_48GB": (70, 2525),
    "Radeon_PRO_W7900": (96, 2495), "Ryzen_AI_Max_390": (32, 2800), "Ryzen_AI_Max_Plus_395": (40, 2900),
    "RX_9060_XT_8GB": (32, 3130), "RX_9060_XT_16GB": (32, 3130),
    "RX_9070": (56, 2520), "RX_9070_XT": (64, 2970), "Radeon_AI_PRO_R9700": (64, 2920),
    # Intel
    "Arc_A770_16GB": (32, 2100), "Arc_B570": (18, 2500), "Arc_B580": (20, 2670), "Arc_Pro_B50": (16, 2600),
    "Arc_Pro_B60": (20, 2400), "Max_1100": (56, 1550),
    # Apple: GPU cores; the clocks are measured
    "Apple_M1": (8, 1278), "Apple_M1_Pro": (16, 1296), "Apple_M1_Max": (32, 1296), "Apple_M1_Ultra": (64, 1296),
    "Apple_M2": (10, 1398), "Apple_M2_Pro": (19, 1398), "Apple_M2_Max": (38, 1398), "Apple_M2_Ultra": (76, 1398),
    "Apple_M3": (10, 1338), "Apple_M3_Pro": (18, 1380), "Apple_M3_Max": (40, 1380), "Apple_M3_Ultra": (80, 1380),
    "Apple_M3_Max_30_core": (30, 1380), "Apple_M4": (10, 1470), "Apple_M4_Pro": (20, 1578),
    "Apple_M4_Max": (40, 1578), "Apple_M4_Max_32_core": (32, 1578), "Apple_M5": (10, 1578), "Apple_M5_Pro": (20, 1620),
    "Apple_M5_Max": (40, 1620), "Apple_M5_Max_32_core": (32, 1620),
}  # fmt: skip
# Cores, MHz and fp32 FLOP a clock of one core: two for each lane of each multiply-add unit.
_CORES_AND_CLOCK = {
    "EPYC_7713": (64, 2000, 32), "EPYC_7763": (64, 2450, 32), "EPYC_7773X": (64, 2200, 32),
    "EPYC_9454": (48, 2750, 32), "EPYC_9554": (64, 3100, 32), "EPYC_9654": (96, 2400, 32),
    "EPYC_9684X": (96, 2550, 32), "EPYC_9734": (112, 2200, 32), "EPYC_9754": (128, 2250, 32),
    "EPYC_9575F": (64, 3300, 64), "EPYC_9755": (128, 2700, 64), "EPYC_9965": (192, 2250, 64),
    "Xeon_Gold_6430": (32, 2100, 64), "Xeon_Platinum_8460YPlus": (40, 2000, 64), "Xeon_Platinum_8470": (52, 2000, 64),
    "Xeon_Platinum_8480Plus": (56, 2000, 64), "Xeon_Platinum_8490H": (60, 1900, 64), "Xeon_Max_9480": (56, 1900, 64),
    "Xeon_Platinum_8580": (60, 2000, 64), "Xeon_Platinum_8592Plus": (64, 1900, 64), "Xeon_6767P": (64, 2400, 64),
    "Xeon_6960P": (72, 2700, 64), "Xeon_6972P": (96, 2400, 64), "Xeon_6980P": (128, 2000, 64),
    "Xeon_6780E": (144, 2200, 16), "Altra_Max_M128-30": (128, 3000, 16), "AmpereOne_A192-32X": (192, 3200, 16),
    "Graviton3": (64, 2600, 32), "Graviton4": (96, 2800, 32), "Grace_CPU": (72, 3100, 32),
    "Grace_CPU_Superchip": (144, 3100, 32), "Xeon_6787P": (86, 2000, 64), "Xeon_Platinum_8488C": (48, 2400, 64),
    "Ryzen_9_9950X": (16, 4300, 64), "Ryzen_7_9800X3D": (8, 4700, 64), "Ryzen_9_7950X": (16, 4500, 32),
    "Ryzen_9_5950X": (16, 3400, 32), "Threadripper_PRO_9995WX": (96, 2500, 64),
    "Threadripper_PRO_7995WX": (96, 2500, 32), "Threadripper_PRO_5995WX": (64, 2700, 32),
    "Core_i9_9900K": (8, 3600, 32), "Snapdragon_X_Elite_X1E_84": (12, 3800, 32), "Raspberry_Pi_5": (4, 2400, 16),
    "Raspberry_Pi_4": (4, 1800, 8),
}  # fmt: skip
# Multipliers of the systolic arrays of a TPU, and MHz.
_ARRAYS_AND_CLOCK = {
    "TPU_v2": (2 * 128**2, 700),
    "TPU_v3": (4 * 128**2, 940),
    "TPU_v4": (8 * 128**2, 1050),
    "TPU_v4i": (4 * 128**2, 1050),
    "TPU_v5e": (4 * 128**2, 1500),
    "TPU_v5p": (8 * 128**2, 1750),
}


@every_accelerator
def test_the_vector_rate_is_units_times_lanes_times_clock(accelerator: Accelerator) -> None:
    peak = accelerator.peak_flops.get("fp32")
    if peak is None:
        return
    if accelerator.name in _UNITS_AND_CLOCK:
        units, megahertz = _UNITS_AND_CLOCK[accelerator.name]
        lanes = _LANES.get(accelerator.architecture, _LANES_OF_THE_REST)
        if not isinstance(lanes, int):
            lanes = lanes[accelerator.compute_capability or ""]
        assert peak == pytest.approx(units * lanes * megahertz * 1e6, rel=0.021)  # the P40: 12 in its datasheet
    if accelerator.name in _CORES_AND_CLOCK:
        cores, megahertz, lanes = _CORES_AND_CLOCK[accelerator.name]
        assert peak == pytest.approx(cores * lanes * megahertz * 1e6, rel=0.01)


@every_accelerator
def test_a_tpu_s_rate_is_its_arrays_times_clock(accelerator: Accelerator) -> None:
    if accelerator.name in _ARRAYS_AND_CLOCK:
        multipliers, megahertz = _ARRAYS_AND_CLOCK[accelerator.name]
        assert accelerator.peak_flops["bf16"] == pytest.approx(2 * multipliers * megahertz * 1e6, rel=0.01)


# The dense rate of 16-bit products over the vector rate of fp32: with sparsity it would be twice that.
_MATRIX_OVER_VECTOR: Mapping[str, tuple[float, float]] = {
    "Volta": (7.8, 8.05),
    "Vega 20": (1.98, 2.02),
    "CDNA": (7.9, 8.1),
    "CDNA 2": (7.9, 8.1),
    "CDNA 3": (7.9, 8.1),
    "CDNA 4": (15.8, 16.2),
    "RDNA 2": (1.99, 2.01),
    "RDNA 3": (1.98, 2.01),
    "RDNA 3.5": (1.98, 2.02),
    "RDNA 4": (3.98, 4.04),
    "Xe HPC": (15.8, 16.2),
    "Xe HPG": (7.5, 8.1),
    "Xe2 HPG": (7.9, 8.9),  # the two rates are given at two clocks
    "Apple M1": (1, 1),
    "Apple M2": (1, 1),
    "Apple M3": (1, 1),
    "Apple M4": (1, 1),
    "Apple M5": (3.9, 4.1),
    "MUSA": (4, 4),
    "NeuronCore-v2": (4, 4),
    "NeuronCore-v3": (3.6, 3.75),
    "NeuronCore-v4": (3.6, 3.75),
    "Sapphire Rapids": (15.9, 16.1),
    "Emerald Rapids": (15.9, 16.1),
    "Granite Rapids": (15.9, 16.1),
    "Zen 4": (1.99, 2.01),
    "Zen 4c": (1.99, 2.01),
    "Zen 5": (1.99, 2.01),
    "Zen 5c": (1.99, 2.01),
    "Neoverse N1": (1.98, 2.02),
    "Neoverse V1": (3.98, 4.02),
    "Neoverse V2": (3.98, 4.02),
    "AmpereOne": (1.98, 2.02),
    "Oryon": (1.98, 2.02),
    "Cortex-A76": (1.98, 2.02),
}
_MATRIX_OVER_VECTOR_OF_NVIDIA: Mapping[str, tuple[float, float]] = {
    "5.3": (1.98, 2.02),
    "6.0": (1.98, 2.02),
    "6.2": (1.98, 2.02),
    "7.0": (7.8, 8.05),
    "7.2": (7.8, 8.05),
    "7.5": (7.9, 8.1),
    "8.0": (15.9, 16.1),
    "8.6": (3.9, 4.05),
    "8.7": (7.9, 8.2),
    "8.9": (3.9, 4.05),
    "9.0": (13.8, 14.9),  # the two rates are given at two clocks
    "10.0": (29, 31.5),
    "10.3": (29, 31.5),
    "11.0": (31.5, 32.5),
    "12.0": (3.9, 4.2),
    "12.1": (3.9, 4.2),
}
# Cards beside the GeForces whose 16-bit rate with fp32 accumulation is half of the chip's.
_HALF_RATE = {"A10G", "L20", "L40"}
_CUT_FOR_EXPORT = {"H20", "H20_141GB"}


@every_accelerator
def test_matrix_units_are_faster_than_vector_units_by_what_their_design_gives(accelerator: Accelerator) -> None:
    peaks = accelerator.peak_flops
    sixteen = peaks.get("fp16", peaks.get("bf16"))
    if sixteen is None or "fp32" not in peaks:
        return
    if accelerator.manufacturer == "NVIDIA" and accelerator.type == "gpu":
        lowest, highest = _MATRIX_OVER_VECTOR_OF_NVIDIA[accelerator.compute_capability or ""]
        if _is_geforce(accelerator) or accelerator.name in _HALF_RATE:
            lowest, highest = lowest / 2, highest / 2
        if accelerator.name in _CUT_FOR_EXPORT:
            lowest, highest = 3.3, 3.4
        if accelerator.name in _AI_TOPS_OF_LAPTOPS:
            return  # the two rates are of two clocks
    elif accelerator.architecture in _MATRIX_OVER_VECTOR:
        lowest, highest = _MATRIX_OVER_VECTOR[accelerator.architecture]
    else:
        return
    assert lowest <= sixteen / peaks["fp32"] <= highest, f"{sixteen / peaks['fp32']:.2f}"


# NVIDIA's AI TOPS of laptops, with sparsity: fp4 of Blackwell, int8 of Ada Lovelace. They are the rate of the tensor
# cores, whose clock is not the shaders' boost of the specifications. None are published of Ampere's.
_AI_TOPS_OF_LAPTOPS = {
    "RTX_5090_Laptop": 1824, "RTX_5080_Laptop": 1334, "RTX_5070_Ti_Laptop": 992, "RTX_5070_Laptop": 798,
    "RTX_5060_Laptop": 572, "RTX_4050_Laptop": 194,
    "RTX_4090_Laptop": 686, "RTX_4080_Laptop": 542, "RTX_4070_Laptop": 321, "RTX_4060_Laptop": 233,
}  # fmt: skip


@every_accelerator
def test_tensor_cores_of_a_laptop_have_the_rate_of_its_ai_tops(accelerator: Accelerator) -> None:
    if accelerator.manufacturer != "NVIDIA" or "Laptop" not in accelerator.name:
        return
    if accelerator.architecture == "Ampere":
        assert accelerator.name not in _AI_TOPS_OF_LAPTOPS
        return
    dense = _AI_TOPS_OF_LAPTOPS[accelerator.name] / 2 * 1e12
    peaks = accelerator.peak_flops
    fastest, sixteen = ("fp4", 8) if "fp4" in peaks else ("int8", 4)
    assert peaks[fastest] == pytest.approx(dense, rel=2e-3)
    assert peaks["bf16"] == pytest.approx(dense / sixteen, rel=2e-3)


# Rates over those of another format, by design; "16" is bf16, or fp16 where there is no bf16.
_FORMATS: Mapping[str, Mapping[tuple[str, str], float]] = {
    "Turing": {("int4", "int8"): 2},
    "Ampere": {("int4", "int8"): 2},
    "Ada Lovelace": {("int4", "int8"): 2},
    "Blackwell": {("fp4", "fp8"): 2},
    "Blackwell Ultra": {("fp4", "fp8"): 3},
    "Vega 20": {("int8", "16"): 2},
    "CDNA": {("int8", "fp16"): 1, ("bf16", "fp16"): 0.5},
    "CDNA 2": {("int8", "16"): 1},
    "CDNA 3": {("fp8", "16"): 2, ("int8", "16"): 2, ("tf32", "16"): 0.5},
    "CDNA 4": {("fp8", "16"): 2, ("int8", "16"): 2, ("fp4", "fp8"): 2},
    "RDNA 2": {("int8", "16"): 2, ("int4", "int8"): 2},
    "RDNA 3": {("int8", "16"): 1, ("int4", "int8"): 2},
    "RDNA 3.5": {("int8", "16"): 1, ("int4", "int8"): 2},
    "RDNA 4": {("fp8", "16"): 2, ("int8", "16"): 2, ("int4", "int8"): 2},
    "Xe HPC": {("int8", "16"): 2, ("tf32", "16"): 0.5},
    "Xe HPG": {("int8", "16"): 2},
    "Xe2 HPG": {("int8", "16"): 2, ("int4", "int8"): 2},
    "NeuronCore-v1": {("int8", "16"): 2},
    "NeuronCore-v2": {("int8", "16"): 2, ("fp8", "16"): 1, ("tf32", "16"): 1},
    "NeuronCore-v3": {("fp8", "16"): 1.95, ("tf32", "16"): 1},
    "NeuronCore-v4": {("fp8", "16"): 3.75, ("fp4", "fp8"): 1, ("tf32", "16"): 1},
    "TPU v4": {("int8", "16"): 1},
    "TPU v4i": {("int8", "16"): 1},
    "TPU v5e": {("int8", "16"): 2, ("int4", "int8"): 2},
    "TPU v5p": {("int8", "16"): 2, ("int4", "int8"): 2},
    "Trillium": {("int8", "16"): 2, ("int4", "int8"): 2, ("fp8", "16"): 1},
    "Ironwood": {("fp8", "16"): 2},
    "Gaudi 2": {("fp8", "16"): 2},
    "Gaudi 3": {("fp8", "16"): 1},
    "Da Vinci": {("int8", "16"): 2},
    "MLUarch03": {("int8", "16"): 256 / 96, ("int4", "int8"): 2},
    "Cloud AI 100": {("int8", "16"): 3},
    "RNGD": {("fp8", "16"): 2, ("int8", "16"): 2, ("int4", "int8"): 2},
    "MTIA 2i": {("int8", "16"): 2},
    "MUSA": {("int8", "16"): 2, ("tf32", "16"): 0.5},
    "TSP": {("int8", "16"): 4},
    "Wormhole": {("fp8", "16"): 3.55},
    **{
        architecture: {("int8", "16"): 2}
        for architecture in (
            "Sapphire Rapids", "Emerald Rapids", "Granite Rapids", "Zen 4", "Zen 4c", "Zen 5", "Zen 5c",
            "BR100", "BR104", "Neoverse N1", "Neoverse V1", "Neoverse V2", "AmpereOne",
        )
    },
}  # fmt: skip
_ONE_RATE_OF_INTEGERS = {"L40S"}  # its datasheet gives int4 no more than int8


@every_accelerator
def test_formats_are_in_the_ratios_of_their_design(accelerator: Accelerator) -> None:
    peaks = dict(accelerator.peak_flops)
    sixteen = peaks.get("bf16", peaks.get("fp16"))
    if sixteen is not None:
        peaks["16"] = sixteen
    for (one, other), ratio in _FORMATS.get(accelerator.architecture, {}).items():
        if one not in peaks or other not in peaks:
            continue
        if (one, other) == ("int4", "int8") and accelerator.name in _ONE_RATE_OF_INTEGERS:
            ratio = 1
        if (one, other) == ("fp4", "fp8") and _is_geforce(accelerator):
            ratio = 4  # fp8 is that with fp32 accumulation, at half rate
        # Qualcomm and Intel round each to whole numbers
        assert peaks[one] == pytest.approx(ratio * peaks[other], rel=0.04), f"{one} over {other} is not {ratio:g}"


# --- what a compiler and a driver call it ---------------------------------------------------------------------------

_COMPUTE_CAPABILITY = {
    ("Pascal", "HBM2"): "6.0",
    ("Pascal", "GDDR5"): "6.1",
    ("Pascal", "GDDR5X"): "6.1",
    ("Pascal", "LPDDR4"): "6.2",
    ("Maxwell", "LPDDR4"): "5.3",
    ("Volta", "HBM2"): "7.0",
    ("Volta", "LPDDR4X"): "7.2",
    ("Turing", "GDDR6"): "7.5",
    ("Ampere", "HBM2"): "8.0",
    ("Ampere", "HBM2E"): "8.0",
    ("Ampere", "GDDR6"): "8.6",
    ("Ampere", "GDDR6X"): "8.6",
    ("Ampere", "LPDDR5"): "8.7",
    ("Ada Lovelace", "GDDR6"): "8.9",
    ("Ada Lovelace", "GDDR6X"): "8.9",
    ("Hopper", "HBM2E"): "9.0",
    ("Hopper", "HBM3"): "9.0",
    ("Hopper", "HBM3E"): "9.0",
    ("Blackwell", "HBM3E"): "10.0",
    ("Blackwell", "GDDR7"): "12.0",
    ("Blackwell Ultra", "HBM3E"): "10.3",
}
_LLVM_TARGETS = {
    "Vega 20": {"gfx906"},
    "CDNA": {"gfx908"},
    "CDNA 2": {"gfx90a"},
    "CDNA 3": {"gfx942"},
    "CDNA 4": {"gfx950"},
    "RDNA 2": {"gfx1030", "gfx1031", "gfx1032", "gfx1035"},
    "RDNA 3": {"gfx1100", "gfx1101", "gfx1102", "gfx1103"},
    "RDNA 3.5": {"gfx1150", "gfx1151"},
    "RDNA 4": {"gfx1200", "gfx1201"},
}


@every_accelerator
def test_the_compute_capability_is_that_of_the_architecture(accelerator: Accelerator) -> None:
    capability = accelerator.compute_capability
    if accelerator.manufacturer == "NVIDIA" and accelerator.type == "gpu":
        key = accelerator.architecture, _kind(accelerator)
        if key in _COMPUTE_CAPABILITY:
            assert capability == _COMPUTE_CAPABILITY[key]
        else:
            assert capability in {"11.0", "12.1"}  # Thor and GB10
    if accelerator.architecture in _LLVM_TARGETS:
        assert capability in _LLVM_TARGETS[accelerator.architecture]


# The first digits of an id by chip: NVIDIA numbers its chips in the order of their design.
_ID_RANGES = {
    "6.0": r"15f", "6.1": r"1[bc]", "7.0": r"1d", "7.5": r"1[ef]", "8.0": r"20", "8.6": r"2[245]", "8.9": r"2[678]",
    "9.0": r"23", "10.0": r"29", "10.3": r"31", "12.0": r"2[bcdf]", "12.1": r"2e",
}  # fmt: skip
# Ids that stand for several products by the maker's own tables.
_SHARED_IDS = {
    frozenset({"A2", "A16"}),
    frozenset({"Quadro_RTX_6000", "Quadro_RTX_8000"}),
    frozenset({"RTX_5060_Ti_8GB", "RTX_5060_Ti_16GB"}),
    frozenset({"RTX_PRO_5000", "RTX_PRO_5000_72GB"}),
    frozenset({"RX_6800_XT", "RX_6900_XT"}),
    frozenset({"RTX_3080_Laptop_8GB", "RTX_3080_Laptop_16GB"}),
    frozenset({"RX_9060_XT_8GB", "RX_9060_XT_16GB"}),
    frozenset({"RX_9070", "RX_9070_XT"}),
    frozenset({"MI50_16GB", "MI50_32GB"}),
    frozenset({"Radeon_760M", "Radeon_780M"}),
    frozenset({"Radeon_880M", "Radeon_890M"}),
    frozenset({"RX_7900_XTX", "RX_7900_XT", "RX_7900_GRE"}),
    frozenset({"Ryzen_AI_Max_385", "Ryzen_AI_Max_390", "Ryzen_AI_Max_Plus_395"}),
}


@every_accelerator
def test_an_id_is_in_the_range_of_its_chip(accelerator: Accelerator) -> None:
    if accelerator.manufacturer == "NVIDIA" and accelerator.pci_ids:
        prefix = _ID_RANGES[accelerator.compute_capability or ""]
        for pci_id in accelerator.pci_ids:
            assert re.match(f"10de:{prefix}", pci_id), pci_id


def test_an_id_stands_for_one_product_or_for_those_known_to_share_it() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for accelerator in ALL:
        if accelerator.type == "gpu" and not accelerator.architecture.startswith("CDNA 2"):
            for pci_id in accelerator.pci_ids:
                owners[pci_id].add(accelerator.name)
    shared = {pci_id: found for pci_id, found in owners.items() if len(found) > 1}
    assert not {pci_id: found for pci_id, found in shared.items() if frozenset(found) not in _SHARED_IDS}


# --- links ----------------------------------------------------------------------------------------------------------

# Links of a device and GB/s of one in each direction.
_NVLINKS = {
    "NVLink 1": (4, 20), "NVLink 2": (6, 25), "NVLink 3": (12, 25), "NVLink 4": (18, 25), "NVLink 5": (18, 50),
    "NVLink 3 bridge": (12, 25), "NVLink 4 bridge": (12, 25),
}  # fmt: skip
_FEWER_NVLINKS = {
    **dict.fromkeys(("A800_SXM_80GB", "A800_PCIe_80GB", "H800_SXM", "H800_PCIe"), 8),
    **dict.fromkeys(("RTX_2080_Ti", "TITAN_RTX", "Quadro_RTX_6000", "Quadro_RTX_8000"), 2),
    "RTX_2080": 1,
    "A30": 4,
    "H200_NVL": 18,
}
_LINKS = {
    "Vega 20": (2, 46),
    "CDNA": (3, 46),
    "CDNA 3": (7, 64),
    "CDNA 4": (7, 76.8),
    "MI210": (3, 50),
    "MI300A": (6, 64),  # two to each of three peers
    "Max_1100": (6, 26.5),
    "TPU_v2": (4, 62),
    "TPU_v3": (4, 82),
    "TPU_v4": (6, 50),
    "TPU_v5e": (4, 50),
    "TPU_v5p": (6, 100),
    "TPU_v6e": (4, 100),
    "TPU7x": (6, 100),
    # 24 lanes of UPI
    "Xeon_Gold_6430": (3, 48),
    "Sapphire Rapids": (4, 48),
    "Emerald Rapids": (4, 60),
    "Sierra Forest": (4, 72),
    "Xeon_6767P": (4, 72),
    "Xeon_6787P": (4, 72),
    "Granite Rapids": (6, 72),
    # 16 lanes of xGMI
    "Zen 3": (4, 36),
    "Zen 4": (4, 64),
    "Zen 4c": (4, 64),
    "Zen 5": (4, 64),
    "Zen 5c": (4, 64),
}
_COUNTS = {"three": 3, "four": 4, "nine": 9}
_INFINIBAND = {"EDR": 100, "HDR": 200, "NDR": 400, "XDR": 800}  # Gb/s of a port


@every_accelerator
def test_a_link_is_its_ports_times_the_rate_of_one(accelerator: Accelerator) -> None:
    link = accelerator.link
    if link is None:
        return
    gigabytes = link.bandwidth / 1e9
    if link.name in _NVLINKS:
        links, rate = _NVLINKS[link.name]
        links = _FEWER_NVLINKS.get(accelerator.name, links)
        expected: float = links * rate
        if link.name == "NVLink 3 bridge" and accelerator.compute_capability == "8.6":
            expected = 4 * 14.0625
        assert gigabytes == expected
    found = _LINKS.get(accelerator.name) or _LINKS.get(accelerator.architecture)
    if found:
        assert gigabytes == pytest.approx(found[0] * found[1])


@every_accelerator
def test_a_name_that_counts_ports_agrees_with_the_bandwidth(accelerator: Accelerator) -> None:
    for link in (accelerator.link, accelerator.network):
        if link is None:
            continue
        told = re.search(r"(\w+) (?:ports|links) of (\d+) Gb", link.name)
        if told:
            count = _COUNTS.get(told[1]) or int(told[1])
            assert link.bandwidth == pytest.approx(count * int(told[2]) / 8 * 1e9)
            continue
        if "lanes of" in link.name:
            continue  # less than their sum: lanes carry a code besides
        told = re.search(r"(\d+(?:\.\d+)?) ([GT])b/s(?: a chip| of \S+, shared by (\d+)| a host of (\d+)|$)", link.name)
        if told:
            bits = float(told[1]) * (1e12 if told[2] == "T" else 1e9)
            assert link.bandwidth == pytest.approx(bits / 8 / int(told[3] or told[4] or 1), rel=1e-3)


@every_accelerator
def test_infiniband_is_of_its_generation(accelerator: Accelerator) -> None:
    told = accelerator.network and re.match(r"InfiniBand (\w+)(, four ports for eight GPUs)?", accelerator.network.name)
    if accelerator.network and told:
        ports = 0.5 if told[2] else 1
        assert accelerator.network.bandwidth == pytest.approx(_INFINIBAND[told[1]] / 8 * 1e9 * ports)


@every_accelerator
def test_a_bridge_says_how_many_it_joins(accelerator: Accelerator) -> None:
    link = accelerator.link
    if link is not None and "bridge" in link.name:
        wide = {"MI100", "MI210", "H200_NVL", "Max_1100", "Gaudi_3_PCIe", "MI50_16GB", "MI50_32GB", "MI60"}
        assert link.max_devices == (4 if accelerator.name in wide else 2)
    if accelerator.type == "cpu" and link is not None:
        assert link.max_devices == 2


# --- instances, boards and prices -----------------------------------------------------------------------------------

# What an instance's name says of its devices.
_COUNTED = (
    r"-(\d+)g(?:-metal)?$",  # a3-highgpu-8g
    r"^ct\w+-\w+-(\d+)t$",  # ct5lp-hightpu-4t
    r"^tpu7x-\w+-(\d+)t$",
    r"^gx\w+-\d+x\d+x(\d+)",  # gx3d-160x1792x8h100
    r"^gpu_(\d+)x_",  # gpu_8x_h100_sxm5
    r"^gpu-\w+?x(\d+)-\d+gb",  # gpu-mi300x8-1536gb
    r"^(?:BM|VM)\.GPU[\w.-]*\.(\d+)$",  # BM.GPU.H100.8
    r"^v5litepod-(\d+)$",
    r"^v[56]e-(\d+)$",
    r"^u-p6e-gb200x(\d+)$",
)
_CORES_COUNTED = r"^(?:v2|v3|v4|v5p|tpu7x)-(\d+)$"  # v4-8: two TensorCores a chip
# vCPUs of one device in families whose sizes count them.
_PROCESSORS_COUNTED = {
    r"^Standard_NC(\d+)ads_A100_v4$": 24,
    r"^Standard_NC(\d+)adi?s_H100_v5$": 40,
    r"^Standard_NV(36|72)adm?s_A10_v5$": 36,
    r"^Standard_NC(144|288)l?ds_xl_RTXPRO6000BSE_v6$": 144,
    r"^Standard_NC(128|256)[lm]?ds_xl_RTXPRO6000BSE_v6$": 128,  # as the preview had them
    r"^Standard_NC(\d+)r?s_v[23]$": 6,
    r"^g4-standard-(\d+)$": 48,
}


@every_accelerator
def test_an_instance_that_counts_its_devices_has_as_many(accelerator: Accelerator) -> None:
    for instance, count in accelerator.instances.items():
        for pattern in _COUNTED:
            told = re.search(pattern, instance)
            if told:
                assert count == int(told[1]), instance
        told = re.search(_CORES_COUNTED, instance)
        if told:
            assert count * 2 == int(told[1]), instance
        for pattern, processors in _PROCESSORS_COUNTED.items():
            told = re.search(pattern, instance)
            if told:
                assert count * processors == int(told[1]), instance
        if re.match(r"Standard_ND96", instance):
            assert count == 8, instance
        told = re.search(r"x(\d+)-(\d+)gb", instance)
        if told:
            assert int(told[2]) == int(told[1]) * accelerator.memory_gb, instance


@every_accelerator
def test_a_board_that_counts_its_devices_has_as_many(accelerator: Accelerator) -> None:
    for board, count in accelerator.boards.items():
        told = re.search(r"\bNVL(\d+)$", board)
        if told:
            assert count == int(told[1]), board
        told = re.search(r"\b(\d+) ?GB$", board)
        if told:
            assert count * accelerator.memory_gb == pytest.approx(int(told[1]), rel=0.01), board


# Chips of what is sold as one, by a part of its name.
_CHIPS = {
    r"Superchip$": 2, r"\bDuo\b": 2, r"\bn300": 2, r"910C": 2, r"AIC?[ _]?100": 4, r"1550|Ponte Vecchio|^PVC$": 2,
    r"\bA16\b": 4, r"Atlas 800 A3": 16, r"CloudMatrix 384": 768, r"Trn2 UltraServer": 64,
}  # fmt: skip
# Devices that a runtime shows of one chip: TensorCores of a TPU, logical cores of Neuron as they are by default.
_RUNTIME_DEVICES = {
    "TPU_v2": 2, "TPU_v3": 2, "TPU7x": 2, "Inferentia_1": 4, "Inferentia_2": 2, "Trainium_1": 2, "Trainium_2": 4,
    "Trainium_3": 4,
}  # fmt: skip


@every_accelerator
def test_a_board_has_the_chips_that_its_product_has(accelerator: Accelerator) -> None:
    for board, count in accelerator.boards.items():
        for pattern, chips in _CHIPS.items():
            if re.search(pattern, board):
                assert count == chips, board
    assert accelerator.runtime_devices == _RUNTIME_DEVICES.get(accelerator.name, 1)


@every_accelerator
def test_devices_of_a_node_are_those_of_what_it_is_built_into(accelerator: Accelerator) -> None:
    node = accelerator.devices_per_node
    if _share_of(accelerator) or re.search(r"Laptop|^Jetson|^Apple|^Ryzen|^Radeon_\d|^GB10$|^GH200", accelerator.name):
        assert node == 1
    elif accelerator.architecture.startswith("RDNA"):
        assert node == 4  # assumed: a workstation
    elif accelerator.type == "gpu" and accelerator.manufacturer == "NVIDIA":
        # an HGX board, or assumed: a server of eight cards; a tray of the racks; the GPUs of one A16
        assert node == (4 if accelerator.name in {"GB200", "GB300", "A16"} else 8)
    elif accelerator.type == "gpu":
        assert node in {4, 8}
    joined = accelerator.link.max_devices if accelerator.link is not None else None
    assert joined is None or joined >= 2


# Dollars an hour for one device on demand, from the cheapest offer to the dearest of each class.
_RATES = {
    "Volta": (0.5, 6),
    "Turing": (0.2, 3),
    "Ampere": (0.2, 6),
    "Ada Lovelace": (0.3, 5),
    "Hopper": (1.5, 16),
    "Blackwell": (0.5, 20),
    "Blackwell Ultra": (4, 25),
    "CDNA 3": (1, 10),
    "CDNA 4": (1.5, 12),
}


@every_accelerator
def test_prices_of_one_device_are_near_one_another(accelerator: Accelerator) -> None:
    asked = [price for price in accelerator.prices if price.tier == "on_demand"]
    if not asked:
        return
    middle = median(price.usd_per_device_hour for price in asked)
    for price in accelerator.prices:
        rate = price.usd_per_device_hour
        said = f"{price.provider} {price.instance or ''} at {rate:.3f}, the middle is {middle:.3f}"
        if price.tier == "on_demand":
            # a large host with one small device is the dearest, a reseller of a large provider's list the cheapest
            assert 0.25 <= rate / middle <= 4.2, said
            lowest, highest = _RATES.get(accelerator.architecture, (0.0, 60.0))
            assert lowest <= rate <= highest, said
        else:
            assert 0.12 <= rate / middle <= 1.3, said


@every_accelerator
def test_sizes_of_one_azure_family_cost_as_their_devices(accelerator: Accelerator) -> None:
    # at the rate of Windows a virtual machine costs 0.046 dollars an hour more for each of its processors
    families: dict[str, set[float]] = defaultdict(set)
    for price in accelerator.prices:
        sized = price.instance and re.fullmatch(r"(Standard_N[CV])\d+(\D\w*)", price.instance)
        if price.provider == "Azure" and price.tier == "on_demand" and sized:
            families["".join(sized.groups()).replace("adis", "ads")].add(round(price.usd_per_device_hour, 3))
    assert not {family: rates for family, rates in families.items() if len(rates) > 1}


@every_accelerator
def test_one_provider_s_prices_of_one_device_differ_by_its_host_alone(accelerator: Accelerator) -> None:
    rates: dict[str, list[float]] = defaultdict(list)
    for price in accelerator.prices:
        if price.tier == "on_demand" and not price.without_host:
            rates[price.provider].append(price.usd_per_device_hour)
    for provider, found in rates.items():
        # the largest host of a T4 has eight times the processors of the smallest
        limit = 4.2 if accelerator.tdp_w is not None and accelerator.tdp_w <= 75 else 2.7
        assert max(found) / min(found) <= limit, f"{provider}: {found}"


@every_accelerator
def test_a_share_is_its_part_of_the_card(accelerator: Accelerator) -> None:
    shared = _share_of(accelerator)
    if shared is None:
        return
    card, parts = get_accelerator(shared[0]), shared[1]
    assert accelerator.memory_bytes * parts == card.memory_bytes
    assert accelerator.memory_bandwidth * parts == pytest.approx(card.memory_bandwidth, rel=1e-5)
    assert {name: rate * parts for name, rate in accelerator.peak_flops.items()} == pytest.approx(
        dict(card.peak_flops), rel=1e-3
    )
    assert set(accelerator.instances.values()) == {1}


# --- what a runtime sees --------------------------------------------------------------------------------------------

# GiB that CUDA, torch_npu, a maker's tool or tegrastats printed as the total of the device.
_PRINTED_GIB = {
    "RTX_PRO_4000": 23.5, "RTX_PRO_5000_72GB": 71.13, "RTX_5080_Laptop": 15.51, "RTX_5060_Ti_16GB": 15.45,
    "P100_PCIe_16GB": 15.89, "P100_SXM2_16GB": 15.89,
    "Ascend_910B2": 61.27, "Ascend_910B3": 61.27, "Ascend_910C_Die": 61.27, "Ascend_910B4": 29.5, "Ascend_910A": 32.0,
    "Jetson_AGX_Orin_64GB": 61.37, "Jetson_AGX_Orin_32GB": 29.98, "Jetson_Orin_NX_16GB": 15.29,
    "Jetson_Orin_NX_8GB": 7.44, "Jetson_Orin_Nano_8GB": 7.44, "Jetson_T5000": 122.80, "Cloud_AI_100_Pro": 31.93,
}  # fmt: skip
# MiB that nvidia-smi shows as the total, of which CUDA lacks from 0.4 GiB of a small card to 0.65 of a large one.
_DRIVER_MIB = {
    "RTX_PRO_4000": 24467, "RTX_PRO_4500": 32623, "RTX_PRO_5000": 48935, "RTX_PRO_5000_72GB": 73415, "RTX_5090": 32607,
    "RTX_PRO_6000_Workstation": 97887,
}  # fmt: skip


@every_accelerator
def test_the_usable_memory_is_what_was_printed(accelerator: Accelerator) -> None:
    printed = _PRINTED_GIB.get(accelerator.name)
    if printed:
        assert accelerator.usable_memory_bytes / GIB == pytest.approx(printed, abs=0.006)
    shown = _DRIVER_MIB.get(accelerator.name)
    if shown:
        assert 390 <= shown - accelerator.usable_memory_bytes / MIB <= 660


@every_accelerator
def test_the_capacity_does_not_stand_for_what_a_runtime_sees_of_it(accelerator: Accelerator) -> None:
    if accelerator.type != "cpu" and accelerator.memory_type != "SRAM":
        assert accelerator.usable_memory_bytes != accelerator.memory_bytes
