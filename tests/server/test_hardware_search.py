"""Accelerators by memory, price, maker and name, as a tool answers them."""

import pytest

from llm_memory_calculator.errors import CalculatorError, UnknownHardwareError
from llm_memory_server.hardware_search import search_hardware


def test_hopper_is_found_by_its_architecture_with_datasheet_numbers() -> None:
    rows = {row.hardware: row for row in search_hardware("hopper").rows}
    # NVIDIA's data sheet of the H100 SXM: 80 GB, 3.35 TB/s, 989.4 dense bf16 TFLOPS
    sxm = rows["H100_SXM"]
    assert (sxm.memory_gb, sxm.memory_bandwidth_gb_s, sxm.tflops) == (80, 3350, 989.4)
    assert {"H200", "GH200_96GB"} <= rows.keys()
    assert "B200" not in rows


def test_bounds_belong_to_the_range_and_narrow_each_other() -> None:
    found = search_hardware(manufacturer="amd", min_memory_gb=192, max_memory_gb=256, kind="gpu", top=100)
    assert {"MI300X", "MI325X"} <= {row.hardware for row in found.rows}
    assert all(row.manufacturer == "AMD" and 192 <= row.memory_gb <= 256 for row in found.rows)


def test_a_price_leaves_out_what_has_none_and_sorts_the_rest() -> None:
    found = search_hardware(min_memory_gb=80, max_usd_per_hour=3, order="price", top=5)
    prices = [row.usd_per_hour or 0 for row in found.rows]
    assert len(found.rows) == 5 < found.found
    assert prices == sorted(prices)
    assert 0 < prices[0] <= prices[-1] <= 3
    assert all(row.provider for row in found.rows)
    assert f"{found.found} accelerators, the first 5:" in str(found)


def test_a_name_in_any_spelling_is_read_and_said() -> None:
    found = search_hardware("p5.48xlarge")
    assert [row.hardware for row in found.rows] == ["H100_SXM"]
    read = search_hardware("4x RTX 4090 24GB")
    assert [row.hardware for row in read.rows] == ["RTX_4090"]
    assert "'4x RTX 4090 24GB' is read as RTX_4090" in str(read)


def test_what_nothing_meets_is_said_and_what_cannot_be_is_refused() -> None:
    assert "No accelerator" in str(search_hardware("hopper", min_memory_gb=1000))
    with pytest.raises(UnknownHardwareError, match="H100"):
        search_hardware("H1000")
    with pytest.raises(CalculatorError, match="NVIDIA"):
        search_hardware(manufacturer="nvidea")
    with pytest.raises(CalculatorError, match="Accepted: gpu, tpu, asic, cpu"):
        search_hardware(kind="npu")


@pytest.mark.parametrize(
    ("query", "among", "not_among"),
    [
        # SXM4 is a form and M40 a card of 2015
        ("M4", {"Apple_M4", "Apple_M4_Pro", "Apple_M4_Max"}, {"A100_40GB", "Raspberry_Pi_4", "M40"}),
        ("L4", {"L4"}, {"L40", "L40S"}),
        ("p5", {"H100_SXM"}, {"TPU_v5p"}),
        ("24GB nvidia", {"RTX_4090", "RTX_3090", "L4", "A10G"}, {"RX_7900_XTX", "A100_40GB"}),
        ("80GB GPU", {"A100_80GB", "H100_SXM"}, {"H100_NVL", "L40S"}),
        ("hopper 80GB", {"H100_SXM", "H100_PCIe"}, {"H200", "A100_80GB"}),
        ("Apple silicon", {"Apple_M1", "Apple_M4_Max"}, {"MI300X"}),
        ("RTX 3080", {"RTX_3080_10GB", "RTX_3080_12GB"}, {"RTX_3090"}),
        # a part of a name, where nothing has it whole
        ("MI30", {"MI300X"}, {"MI210"}),
    ],
)
def test_a_query_is_read_by_whole_words_sizes_and_makers(query: str, among: set[str], not_among: set[str]) -> None:
    found = {row.hardware for row in search_hardware(query, top=1000).rows}
    assert among <= found
    assert not found & not_among


def test_the_order_may_stand_in_the_query() -> None:
    cheapest = search_hardware("cheapest 80GB GPU")
    assert (
        cheapest.rows
        == search_hardware("80GB GPU", order="price").rows
        == search_hardware("80GB", order="cheapest").rows
    )
    assert "is read as 80 GB" in str(cheapest)
    # NVIDIA's A100 80GB is rented for less than any H100
    assert cheapest.rows[0].hardware.startswith("A100")
