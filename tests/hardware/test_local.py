"""What a machine has, from recorded outputs: never the machine's own tools."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_memory_hardware import InvalidHardwareError, get_accelerator, local, local_hardware

Tools = Callable[[str, str], None]

XEON = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8480+
physical id\t: 0

processor\t: 1
model name\t: Intel(R) Xeon(R) Platinum 8480+
physical id\t: 0

processor\t: 2
model name\t: Intel(R) Xeon(R) Platinum 8480+
physical id\t: 1
"""
MEMORY = "MemTotal:       1056270744 kB\nMemFree:        900000000 kB\n"
H100 = "NVIDIA H100 80GB HBM3, 81559, 0x233010DE, Disabled"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """A PATH and a /proc with nothing in them; and what puts a tool there that runs a line of shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(local, "PROC", tmp_path / "proc")

    def add(name: str, shell: str) -> None:
        script = folder / name
        script.write_text(f"#!/bin/sh\n{shell}\n", encoding="utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    return add


def proc(tmp_path: Path, **contents: str) -> None:
    for name, text in contents.items():
        file = tmp_path / "proc" / name.replace("__", "/").replace("_", "-")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def printing(text: str) -> str:
    return f"while IFS= read -r line; do printf '%s\\n' \"$line\"; done <<'END'\n{text}\nEND"


@pytest.mark.usefixtures("tools")
def test_nothing_found_is_a_plain_answer() -> None:
    found = local_hardware()
    assert (found.devices, found.problems) == ((), ())


def test_eight_cards_are_one_line(tools: Tools) -> None:
    tools("nvidia-smi", printing("\n".join([H100] * 8)))
    (device,) = local_hardware().devices
    assert (device.found_by, device.name, device.count) == ("nvidia-smi", "NVIDIA H100 80GB HBM3", 8)
    assert (device.memory_bytes, device.pci_id) == (81559 * 2**20, "10de:2330")
    assert device.match.accelerator is get_accelerator("H100_SXM")
    assert device.match.confidence == "certain"


def test_cards_of_several_kinds_and_what_is_not_reported(tools: Tools) -> None:
    lines = [
        "NVIDIA GeForce RTX 4090, 24564, 0x268410DE, [N/A]",
        "Tesla T4, 15360, 0x1EB810DE, [N/A]",
        "NVIDIA GB10, [N/A], 0x2E1210DE, [N/A]",
        "NVIDIA Nonesuch 9000, 1024, garbage, [N/A]",
    ]
    tools("nvidia-smi", printing("\n".join(lines)))
    devices = local_hardware().devices
    names = [device.match.accelerator.name if device.match.accelerator else None for device in devices]
    assert names == ["RTX_4090", "T4", "GB10", None]
    assert devices[2].memory_bytes is None
    assert devices[3].pci_id is None
    assert "is not in the catalogue" in devices[3].match.reason


def test_a_card_that_is_cut_into_slices_is_said(tools: Tools) -> None:
    tools("nvidia-smi", printing(H100.replace("Disabled", "Enabled")))
    found = local_hardware()
    assert found.devices[0].match.accelerator is get_accelerator("H100")
    assert "cut into MIG slices" in found.problems[0]


@pytest.mark.parametrize(
    ("shell", "problem"),
    [
        (
            "echo 'NVIDIA-SMI has failed because of the driver.' >&2; exit 9",
            "exit code 9: NVIDIA-SMI",
        ),
        ("exit 1", "exit code 1: no message"),
        ("echo 'No devices were found'", "nvidia-smi: No devices were found"),
    ],
)
def test_a_tool_that_fails_is_a_sentence(tools: Tools, shell: str, problem: str) -> None:
    tools("nvidia-smi", shell)
    found = local_hardware()
    assert found.devices == ()
    assert problem in found.problems[0]


def test_a_tool_that_hangs_costs_its_time_limit(tools: Tools) -> None:
    # the child of the script holds the output open, and has to end too
    tools("nvidia-smi", "/bin/sleep 60 & wait")
    started = time.monotonic()
    found = local_hardware(timeout_s=0.3)
    assert time.monotonic() - started < 20
    assert found.problems == ("nvidia-smi did not answer in 0.3 s.",)


def test_a_tool_that_is_no_program_is_a_sentence(tools: Tools, tmp_path: Path) -> None:
    tools("nvidia-smi", "")
    (tmp_path / "bin" / "nvidia-smi").write_bytes(b"\x00\x01")
    assert "could not be started" in local_hardware().problems[0]


def test_rocm_smi(tools: Tools) -> None:
    card = {
        "Device Name": "AMD Instinct MI300X",
        "Device ID": "0x74a1",
        "Card Series": "AMD Instinct MI300X",
        "Card Vendor": "Advanced Micro Devices, Inc. [AMD/ATI]",
        "VRAM Total Memory (B)": "206141652992",
        "GFX Version": "gfx942",
    }
    content = json.dumps({f"card{number}": card for number in range(8)} | {"system": {"Driver version": "6.8.5"}})
    tools("rocm-smi", printing("WARNING: AMD GPU device(s) is/are in a low-power state.\n" + content))
    (device,) = local_hardware().devices
    assert (device.found_by, device.count, device.memory_bytes) == ("rocm-smi", 8, 206_141_652_992)
    assert device.pci_id == "1002:74a1"
    assert device.match.accelerator is get_accelerator("MI300X")


@pytest.mark.parametrize("wrapped", [False, True])
def test_amd_smi_before_rocm_smi(tools: Tools, wrapped: bool) -> None:
    card = {
        "gpu": 0,
        "asic": {"market_name": "AMD Instinct MI325X", "vendor_id": "0x1002", "device_id": "0x74a5"},
        "vram": {"type": "HBM3E", "size": {"value": 262128, "unit": "MB"}},
    }
    content = [card, {**card, "gpu": 1}]
    tools("amd-smi", printing(json.dumps({"gpu_data": content} if wrapped else content)))
    tools("rocm-smi", "exit 1")
    found = local_hardware()
    (device,) = found.devices
    assert (device.found_by, device.count, found.problems) == ("amd-smi", 2, ())
    assert device.match.accelerator is get_accelerator("MI325X")


def test_rocm_smi_when_amd_smi_fails(tools: Tools) -> None:
    tools("amd-smi", "exit 3")
    tools("rocm-smi", printing(json.dumps({"card0": {"Card series": "AMD Instinct MI210", "GPU ID": "0x740f"}})))
    found = local_hardware()
    assert found.devices[0].match.accelerator is get_accelerator("MI210")
    assert "amd-smi failed with exit code 3" in found.problems[0]


@pytest.mark.parametrize("text", ["not json at all", "{", "[1, 2", "[" * 5000])
def test_output_that_is_not_understood_is_a_sentence(tools: Tools, text: str) -> None:
    tools("rocm-smi", printing(text))
    found = local_hardware()
    assert found.devices == ()
    assert "rocm-smi printed what is not understood" in found.problems[0]


@pytest.mark.parametrize(
    "content", ["3", "null", "[]", "{}", '{"card0": 3}', '{"card0": {}}', '{"card0": {"Card Series": 3}}']
)
def test_json_of_another_shape_is_no_device(tools: Tools, content: str) -> None:
    tools("rocm-smi", printing(content))
    tools("amd-smi", printing(content))
    assert local_hardware().devices == ()


@pytest.mark.usefixtures("tools")
def test_processors_are_counted_by_socket(tmp_path: Path) -> None:
    proc(tmp_path, cpuinfo=XEON, meminfo=MEMORY)
    (device,) = local_hardware().devices
    assert (device.found_by, device.count, device.memory_bytes) == ("/proc/cpuinfo", 2, 1_056_270_744 * 1024)
    assert device.match.accelerator is get_accelerator("Xeon_Platinum_8480Plus")


def test_accelerators_come_before_processors(tools: Tools, tmp_path: Path) -> None:
    proc(tmp_path, cpuinfo="model name\t: AMD EPYC 9654 96-Core Processor\n", meminfo="")
    tools("nvidia-smi", printing(H100))
    assert [device.match.accelerator for device in local_hardware().devices] == [
        get_accelerator("H100_SXM"),
        get_accelerator("EPYC_9654"),
    ]


@pytest.mark.usefixtures("tools")
def test_an_arm_machine_that_names_no_model_is_no_processor(tmp_path: Path) -> None:
    proc(tmp_path, cpuinfo="processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n")
    assert local_hardware().devices == ()


def test_a_jetson_names_itself_in_the_device_tree(tools: Tools, tmp_path: Path) -> None:
    tools("nvidia-smi", printing("Orin (nvgpu), [N/A], [N/A], [N/A]"))
    proc(tmp_path, device_tree__model="NVIDIA Jetson AGX Orin Developer Kit\0", meminfo="MemTotal: 64349724 kB\n")
    (device,) = local_hardware().devices
    assert device.name == "NVIDIA Jetson AGX Orin"
    assert device.memory_bytes == 64_349_724 * 1024
    assert device.match.accelerator is get_accelerator("Jetson_AGX_Orin_64GB")


SYSCTL = 'case "$2" in machdep.cpu.brand_string) echo "Apple M3 Max";; hw.memsize) echo 103079215104;; esac'


def test_a_mac(tools: Tools) -> None:
    tools("sysctl", SYSCTL)
    (device,) = local_hardware().devices
    assert (device.found_by, device.name, device.memory_bytes) == ("sysctl", "Apple M3 Max", 96 * 2**30)
    assert device.match.accelerator is get_accelerator("Apple_M3_Max")


@pytest.mark.parametrize(("cores", "name"), [("30", "Apple_M3_Max_30_core"), ("40", "Apple_M3_Max")])
def test_a_mac_with_fewer_cores_is_another_one(tools: Tools, cores: str, name: str) -> None:
    tools("sysctl", SYSCTL)
    tools("system_profiler", printing(json.dumps({"SPDisplaysDataType": [{"sppci_cores": cores}, 3]})))
    assert local_hardware().devices[0].match.accelerator is get_accelerator(name)


@pytest.mark.parametrize("limit", [0, -1, True, "1", float("nan"), float("inf")])
def test_the_time_limit_is_a_number_of_seconds(limit: float) -> None:
    with pytest.raises(InvalidHardwareError, match="timeout_s is"):
        local_hardware(limit)


def test_what_was_printed_before_a_tool_failed_is_kept(tools: Tools) -> None:
    tools("nvidia-smi", printing("\n".join([H100] * 7)) + "\necho 'GPU 00000000:07:00.0 is lost'; exit 15")
    found = local_hardware()
    assert [(device.count, bool(device.match)) for device in found.devices] == [(7, True)]
    assert "nvidia-smi failed with exit code 15: GPU 00000000:07:00.0 is lost" in found.problems


@pytest.mark.parametrize("name", ["", "[Unknown Error]", "[N/A]"])
def test_a_card_without_a_name_is_a_problem_and_no_device(tools: Tools, name: str) -> None:
    tools("nvidia-smi", printing(f"{name}, 81559, 0x233010DE, Disabled\n{H100}"))
    found = local_hardware()
    assert [device.count for device in found.devices] == [1]
    assert len(found.problems) == 1


def test_a_warning_is_said_once(tools: Tools) -> None:
    tools("nvidia-smi", printing("\n".join([H100.replace("Disabled", "Enabled")] * 8)))
    assert len(local_hardware().problems) == 1


def test_amd_smi_says_the_unit(tools: Tools) -> None:
    card = {
        "asic": {"market_name": "AMD Instinct MI300X", "vendor_id": "0x1002", "device_id": "0x74a1"},
        "vram": {"size": {"value": 192, "unit": "GB"}},
    }
    tools("amd-smi", printing(json.dumps([card])))
    (device,) = local_hardware().devices
    assert device.memory_bytes == 192 * 2**30
    assert device.match.accelerator is get_accelerator("MI300X")
