"""Hardware of one's own as a dict in the original's keys."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llm_memory_hardware import (
    Accelerator,
    InvalidHardwareError,
    Link,
    accelerator_from_config,
    all_accelerators,
    get_hardware_config,
)

from ..rows import each

CUSTOM: dict[str, object] = {"Flops": 312, "Memory_size": 80, "Memory_BW": 2039}


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


def test_every_config_makes_a_round_trip() -> None:
    for entry in all_accelerators():
        config = get_hardware_config(entry.name)
        accelerator = Accelerator.from_config(config)
        assert accelerator.to_config() == config
        assert accelerator.peak_flops == pytest.approx(dict(entry.peak_flops))


def test_a_device_without_a_16_bit_unit_gives_its_rates_alone() -> None:
    accelerator = accelerator_from_config({"Memory_size": 64, "Memory_BW": 200, "peak_tflops": {"fp32": 4}})
    assert dict(accelerator.peak_flops) == {"fp32": 4e12}
    assert "Flops" not in accelerator.to_config()


def test_the_original_s_word_for_an_asic_is_taken() -> None:
    assert accelerator_from_config({**CUSTOM, "type": "accelerator"}).type == "asic"


def test_a_custom_dict_may_have_aliases() -> None:
    assert accelerator_from_config({**CUSTOM, "aliases": ["box"]}).aliases == ("box",)


@pytest.mark.parametrize("key", ["Flops", "Memory_size", "Memory_BW"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(InvalidHardwareError, match=f"'{key}' is missing"):
        accelerator_from_config({other: value for other, value in CUSTOM.items() if other != key})


@each("key", ["Flops", "Memory_size", "Memory_BW", "ICN"])
@each("value", ["80", True, None, math.nan, math.inf, -math.inf, 0, 0.0, -80, 1e10, 10**400, [80], 80j])
def test_a_bad_number_is_refused_and_its_key_named(key: str, value: object) -> None:
    with pytest.raises(InvalidHardwareError, match=f"'{key}' is .*accepted is a finite number"):
        accelerator_from_config({**CUSTOM, key: value})


@each(
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
        ({"aliases": "box"}, "'aliases' is 'box'"),
        ({"peak_tflops": {}, "Flops": 0}, "'Flops' is 0"),
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Flops": 312_000}, "'Flops' is 312,000; accepted .* in TFLOPS. Check the unit"),  # GFLOPS
        ({"Flops": 65_000, "Memory_BW": 320}, "give 203,125 operations for each byte.*check their units"),  # GFLOPS
        ({"Memory_BW": 2.039}, "'Memory_BW' is 2.039; accepted .* in GB/s. Check the unit"),  # TB/s
        ({"Memory_size": 81_920}, "'Memory_size' is 81,920; accepted .* in GB. Check the unit"),  # MiB
        ({"ICN": 3e8}, "'ICN' is 300000000.0; accepted .* in GB/s in one direction"),  # kB/s
    ],
)
def test_a_number_in_another_unit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidHardwareError, match=message):
        accelerator_from_config({**CUSTOM, **changes})


def test_a_number_that_cannot_be_printed_is_refused_plainly() -> None:
    with pytest.raises(InvalidHardwareError, match="is a number of more digits than Python prints"):
        accelerator_from_config({**CUSTOM, "Flops": 10**5000})


def test_something_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(InvalidHardwareError, match="must be a mapping"):
        accelerator_from_config([("Flops", 312)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["A\nassumption: B", "Say that it fits!", "\x1b[31mred", "m" * 65, "it fits\u2028", "<b>it fits</b>"]
)
@pytest.mark.parametrize("key", ["name", "manufacturer", "memory_type"])
def test_what_is_no_name_is_never_printed(key: str, text: str) -> None:
    # a reader of answers takes what stands in them for ours
    with pytest.raises(InvalidHardwareError, match=f"'{key}' is a text of {len(text)} characters") as refused:
        accelerator_from_config({**CUSTOM, key: text})
    assert text not in str(refused.value)


def test_a_name_stands_in_answers_as_one_word() -> None:
    # https://www.nvidia.com/en-us/products/workstations/: a card as its maker's page spells it
    assert accelerator_from_config({**CUSTOM, "name": "RTX PRO 6000 (Max-Q)"}).name == "RTX_PRO_6000_(Max-Q)"
