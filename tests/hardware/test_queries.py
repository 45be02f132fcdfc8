"""The catalogue in the original's words: configs, searches, the mapping, the manager."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    AmbiguousHardwareError,
    HardwareManager,
    InvalidHardwareError,
    UnknownHardwareError,
    accelerators_for_serving,
    all_accelerators,
    get_all_hardware,
    get_hardware_by_manufacturer,
    get_hardware_by_type,
    get_hardware_config,
    search_hardware,
)

from ..rows import each


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


def test_search_by_type() -> None:
    tpus = set(get_hardware_by_type("tpu"))
    assert {"TPU_v4", "TPU_v5e", "TPU_v5p", "TPU_v6e"} <= tpus
    assert {"Gaudi_2", "Gaudi_3"} | tpus <= set(get_hardware_by_type("asic"))
    assert get_hardware_by_type("accelerator") == get_hardware_by_type("asic")
    assert {"EPYC_9654", "Grace_CPU"} <= set(get_hardware_by_type("cpu"))
    assert "H100_SXM" in get_hardware_by_type("GPU")
    kinds = [get_hardware_by_type(kind) for kind in ("gpu", "asic", "cpu")]
    assert sum(map(len, kinds)) == len(get_all_hardware())
    with pytest.raises(InvalidHardwareError, match="gpu, tpu, asic, cpu"):
        get_hardware_by_type("npu")


def test_search_by_manufacturer() -> None:
    amd = get_hardware_by_manufacturer("amd")
    assert {"MI210", "MI300X", "EPYC_9654"} <= set(amd)
    assert {config["manufacturer"] for config in amd.values()} == {"AMD"}
    with pytest.raises(InvalidHardwareError, match="Did you mean NVIDIA"):
        get_hardware_by_manufacturer("nvdia")


def test_search_by_ranges_and_words() -> None:
    assert {"H20", "H200", "GH200_96GB"} <= set(search_hardware(query="hopper", min_memory=96))
    assert "H100_SXM" not in search_hardware(query="hopper", min_memory=96)
    assert {"A100_40GB", "A100_PCIe_40GB"} == set(search_hardware(query="A100 ", max_memory=40))
    assert {"B200", "B300", "GB200", "GB300"} == set(search_hardware(manufacturer="NVIDIA", min_flops=2000))
    assert "H200" in search_hardware(hw_type="gpu", min_memory_bw=4800, max_memory_bw=4800)
    assert set(search_hardware("p5.48xlarge")) == {"H100_SXM"}
    assert search_hardware(query="no such thing") == {}
    assert search_hardware() == get_all_hardware()


def test_search_takes_its_arguments_in_the_original_s_order() -> None:
    found = search_hardware("", "gpu", "NVIDIA", 900, 1000, 80, 80, 3000, 4000, True)
    assert "H100_SXM" in found
    assert search_hardware(has_real_values=True) == get_all_hardware()
    assert search_hardware(has_real_values=False) == {}


def test_search_by_several_types_and_makers() -> None:
    found = search_hardware(hw_type=["gpu", "tpu"], manufacturer=["AMD", "google"])
    assert {"MI300X", "TPU_v5e"} <= set(found)
    assert {(config["type"], config["manufacturer"]) for config in found.values()} == {
        ("gpu", "AMD"),
        ("tpu", "Google"),
    }
    assert search_hardware(hw_type=["cpu"]) == get_hardware_by_type("cpu")


def test_a_device_without_a_16_bit_rate_meets_no_bound_on_it() -> None:
    without = [entry.name for entry in all_accelerators() if not {"bf16", "fp16"} & set(entry.peak_flops)]
    assert without
    assert not set(without) & set(search_hardware(max_flops=10))
    assert set(without) <= set(search_hardware(max_memory=10**5))
    assert "Flops" not in get_hardware_config(without[0])


def test_what_serves_is_what_clouds_rent_and_no_processor() -> None:
    serving = accelerators_for_serving()
    names = [entry.name for entry in serving]
    assert names == sorted(names)
    assert {"H100_SXM", "MI300X", "TPU_v6e", "Trainium_2", "L4"} <= set(names)
    assert not {"Graviton4", "EPYC_9654", "Apple_M4_Max", "RTX_4090_Laptop", "WSE_3"} & set(names)
    assert {entry.type for entry in serving} == {"gpu", "tpu", "asic"}
    left_out = set(all_accelerators()) - set(serving)
    assert all(entry.type == "cpu" or not (entry.instances or entry.prices) for entry in left_out)


@each(
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
        {"hw_type": []},
        {"hw_type": ["gpu", "npu"]},
        {"manufacturer": ["AMD", 3]},
        {"has_real_values": 1},
    ],
)
def test_search_refuses_impossible_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidHardwareError):
        search_hardware(**arguments)


# --- the manager ----------------------------------------------------------------------------------------------------

CARD = {"Flops": 100, "Memory_size": 32, "Memory_BW": 1000}


def test_the_manager_answers_as_the_functions_do() -> None:
    manager = HardwareManager()
    assert manager.get_hardware_config("h100") == get_hardware_config("h100")
    assert manager.get_all_hardware() == get_all_hardware()
    assert manager.get_hardware_by_type("cpu") == get_hardware_by_type("cpu")
    assert manager.get_hardware_by_manufacturer("AMD") == get_hardware_by_manufacturer("AMD")
    assert manager.search_hardware("hopper") == search_hardware("hopper")


def test_a_manager_s_file_by_the_original_s_keyword(tmp_path: Path) -> None:
    file = tmp_path / "box.json"
    file.write_text(json.dumps({**CARD, "name": "Box_32GB"}), encoding="utf-8")
    assert HardwareManager(db_path=file).get_all_hardware() == HardwareManager(file).get_all_hardware()
    with pytest.raises(InvalidHardwareError, match="give one of them"):
        HardwareManager(file, db_path=file)


def test_what_a_manager_adds_is_its_own() -> None:
    manager = HardwareManager()
    added = manager.add_hardware({**CARD, "aliases": ["the box"]}, name="Box_32GB")
    assert added["Memory_size"] == 32
    assert manager.get_hardware_config("THE-BOX") == added
    assert "Box_32GB" in manager.get_hardware_by_manufacturer("custom")
    assert list(manager.get_all_hardware()) == sorted([*get_all_hardware(), "Box_32GB"])
    assert manager.get_hardware_config("h100") == get_hardware_config("h100")
    assert "Box_32GB" not in HARDWARE_CONFIGS


def test_a_name_that_is_taken_is_not_taken_over_unseen() -> None:
    manager = HardwareManager()
    for name in ("H100_SXM", "h100", "p5.48xlarge"):
        with pytest.raises(InvalidHardwareError, match=r"already means H100_SXM.*replaces = 'H100_SXM'"):
            manager.add_hardware(CARD, name=name)
    manager.add_hardware(CARD, name="Our_H100", replaces="H100")
    assert manager.get_hardware_config("H100_SXM")["name"] == "Our_H100"
    assert manager.get_hardware_config("h100 80gb hbm3")["Memory_size"] == 32
    assert "H100_SXM" not in manager.get_all_hardware()
    assert manager.catalogue.find("p5.48xlarge") == (manager.catalogue["Our_H100"], 8)
    assert get_hardware_config("H100_SXM")["Memory_size"] == 80


def test_an_addition_needs_a_name_and_a_mapping() -> None:
    with pytest.raises(InvalidHardwareError, match="has no name"):
        HardwareManager().add_hardware(CARD)
    with pytest.raises(InvalidHardwareError, match="must be a mapping"):
        HardwareManager().add_hardware(3, name="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidHardwareError, match=r"hardware 'x': .*'Flops'"):
        HardwareManager().add_hardware({**CARD, "Flops": -1}, name="x")


def test_the_original_s_false_for_an_unknown_name_is_an_error_here() -> None:
    with pytest.raises(UnknownHardwareError, match="Did you mean"):
        get_hardware_config("H10000")
    with pytest.raises(AmbiguousHardwareError):
        get_hardware_config("A100")


def test_the_mapping_s_three_questions_agree() -> None:
    for key in ("H100", "A100", "no such thing", "H100 MIG 1g.10gb", "M4 Max 999GB", 3, None):
        known = key in HARDWARE_CONFIGS
        assert (HARDWARE_CONFIGS.get(key) is not None) == known  # type: ignore[call-overload]
        if not known:
            with pytest.raises(KeyError):
                HARDWARE_CONFIGS[key]  # type: ignore[index]


def test_a_bound_beyond_every_float_is_a_bound() -> None:
    assert search_hardware(min_memory=10**400) == {}
    assert len(search_hardware(max_memory=10**400)) == len(HARDWARE_CONFIGS)
    assert len(search_hardware(max_memory=float("inf"))) == len(HARDWARE_CONFIGS)
