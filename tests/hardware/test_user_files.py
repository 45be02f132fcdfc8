"""Hardware of one's own in files: TOML and JSON, the catalogue's keys and the original's, a folder or one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    HardwareManager,
    InvalidHardwareError,
    UnknownHardwareError,
    accelerators_for_serving,
    find_accelerator,
    find_devices,
    get_accelerator,
    match_device,
    set_hardware_db_path,
)
from llm_memory_hardware.catalogue import ENVIRONMENT_VARIABLE

CARD: dict[str, Any] = {"Flops": 100, "Memory_size": 32, "Memory_BW": 1000, "ICN": 50}
TOML = """
memory_bytes = 48_000_000_000
memory_bandwidth = 9.6e11
[peak_flops]
bf16 = 1.5e14
fp8 = 3.0e14
"""


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    yield
    set_hardware_db_path(None)


def write(place: Path, content: object) -> Path:
    place.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return place


def test_a_folder_s_files_stand_beside_the_catalogue(tmp_path: Path) -> None:
    write(tmp_path / "Box.json", CARD)
    write(tmp_path / "Board.toml", TOML)
    write(tmp_path / "notes.txt", "not read")
    set_hardware_db_path(tmp_path)
    board = get_accelerator("board")
    assert get_accelerator("BOX").memory_gb == 32
    assert (board.name, board.manufacturer, board.type, board.devices_per_node) == ("Board", "custom", "gpu", 8)
    assert (board.usable_memory_bytes, board.peak_flops["fp8"], board.sources) == (48 * 10**9, 3e14, ())
    assert get_accelerator("h100").name == "H100_SXM"
    assert {"Box", "Board", "H100_SXM"} <= set(HARDWARE_CONFIGS)
    assert find_accelerator(HARDWARE_CONFIGS["Board"]) is board
    assert board in accelerators_for_serving()
    set_hardware_db_path(None)
    with pytest.raises(UnknownHardwareError):
        get_accelerator("Box")


def test_the_environment_names_a_file_or_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(write(tmp_path / "Box.json", CARD)))
    assert ENVIRONMENT_VARIABLE == "LLM_MEMORY_CALCULATOR_HARDWARE"
    assert get_accelerator("8xBox").memory_gb == 32
    set_hardware_db_path(write(tmp_path / "Other.json", {**CARD, "Memory_size": 64}))
    assert get_accelerator("Other").memory_gb == 64
    assert "Box" not in HARDWARE_CONFIGS


@pytest.mark.parametrize(
    "content",
    [
        {"One": CARD, "Two": {**CARD, "Memory_size": 64}},
        [{**CARD, "name": "One"}, {**CARD, "name": "Two", "Memory_size": 64}],
        {"One": CARD, "Two": {"memory_bytes": 64 * 10**9, "memory_bandwidth": 1e12, "peak_flops": {"bf16": 1e14}}},
    ],
)
def test_a_file_may_hold_several(tmp_path: Path, content: object) -> None:
    manager = HardwareManager(write(tmp_path / "many.json", content))
    assert manager.get_hardware_config("one")["Memory_size"] == 32
    assert manager.get_hardware_config("two")["Memory_size"] == 64


def test_several_in_one_toml_in_the_original_s_keys(tmp_path: Path) -> None:
    text = (
        "[One]\nFlops = 100\nMemory_size = 32\nMemory_BW = 1000\n[Two]\nFlops = 1\nMemory_size = 8\nMemory_BW = 100\n"
    )
    manager = HardwareManager(write(tmp_path / "many.toml", text))
    assert manager.get_hardware_config("Two")["Memory_size"] == 8


def test_a_catalogue_s_entry_is_replaced_only_when_the_file_says_so(tmp_path: Path) -> None:
    for taken in ({**CARD, "name": "H100_SXM"}, {**CARD, "name": "Ours", "aliases": ["H100 80GB HBM3"]}):
        with pytest.raises(InvalidHardwareError, match=r"box\.json: .* already means H100_SXM; .*replaces ="):
            set_hardware_db_path(write(tmp_path / "box.json", taken))
    set_hardware_db_path(write(tmp_path / "box.json", {**CARD, "name": "H100_SXM", "replaces": "H100"}))
    assert get_accelerator("H100").memory_gb == 32
    assert get_accelerator("H100").pci_ids == ("10de:2330",)
    assert get_accelerator("p5.48xlarge") is get_accelerator("NVIDIA H100 80GB HBM3")
    with pytest.raises(InvalidHardwareError, match="key 'replaces' is 3"):
        set_hardware_db_path(write(tmp_path / "box.json", {**CARD, "replaces": 3}))


def test_an_entry_that_replaces_one_of_several_leaves_the_name_ambiguous(tmp_path: Path) -> None:
    manager = HardwareManager(write(tmp_path / "Mine.json", {**CARD, "replaces": "A100_40GB"}))
    assert manager.catalogue.find("A100", if_ambiguous="Mine")[0].name == "Mine"
    assert manager.get_hardware_config("A100_40GB")["name"] == "Mine"


def test_a_faulty_folder_leaves_the_one_before_in_use(tmp_path: Path) -> None:
    set_hardware_db_path(write(tmp_path / "Box.json", CARD))
    with pytest.raises(InvalidHardwareError):
        set_hardware_db_path(tmp_path / "nothing")
    assert get_accelerator("Box").memory_gb == 32


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", {**CARD, "Flops": "100"}, r"a\.json: The hardware key 'Flops' is '100'"),
        ("a.json", {"One": {**CARD, "Memory_Size": 3}}, r"a\.json, entry 'One': .*'Memory_Size' is not known"),
        ("a.json", [CARD, 3], r"a\.json, entry 1: must describe an accelerator"),
        ("a.json", [{**CARD, "name": "x"}, {**CARD, "name": "X"}], "already means x"),
        ("a.json", '{"Flops": 1, "Flops": 2}', r"a\.json: not valid JSON: the key 'Flops' stands twice"),
        ("a.json", "{", r"a\.json: not valid JSON"),
        ("a.json", "[" * 100_000, r"a\.json: not valid JSON"),
        ("a.json", {"speed": 3}, r"a\.json: has neither the catalogue's keys .* nor the original's"),
        ("a.json", {}, r"a\.json: has neither"),
        ("a.json", "3", r"a\.json: must describe"),
        ("a.toml", TOML.replace("9.6e11", "960"), r"a\.toml: key 'memory_bandwidth' is 960"),
        ("a.toml", TOML.replace("bf16", "bf15"), r"a\.toml: key 'peak_flops\.bf15' is not known"),
        ("a.toml", "x = ", r"a\.toml: not valid TOML"),
        ("a.yaml", "Flops: 1", r"a\.yaml: accepted are \.toml and \.json files"),
        ("a.db", "SQLite format 3", r"a\.db: accepted are"),
    ],
)
def test_a_faulty_file_is_refused_with_its_name_and_key(
    tmp_path: Path, name: str, content: object, message: str
) -> None:
    with pytest.raises(InvalidHardwareError, match=message):
        HardwareManager(write(tmp_path / name, content))


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidHardwareError, match="no such file or folder"):
        HardwareManager(tmp_path / "nothing")


def test_a_fault_in_what_the_environment_names_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(InvalidHardwareError, match=r"^LLM_MEMORY_CALCULATOR_HARDWARE: .*no such file or folder"):
        get_accelerator("H100")


def test_text_that_is_no_text_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidHardwareError, match="cannot be read"):
        HardwareManager(tmp_path)


def test_a_manager_reads_more(tmp_path: Path) -> None:
    manager = HardwareManager()
    assert manager.read_hardware(write(tmp_path / "Box.json", CARD)) == ["Box"]
    assert manager.get_hardware_config("box")["ICN"] == 50
    assert "Box" not in HARDWARE_CONFIGS


@pytest.mark.parametrize("name", ["8xH100", "H100 x8", "DGX B200", "dual 3090", "EPYC 9654 768GB", "GB200 NVL72"])
def test_a_name_that_says_a_count_or_size_of_something_listed_is_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidHardwareError, match="already means"):
        HardwareManager(write(tmp_path / "box.json", {**CARD, "aliases": [name]}))


@pytest.mark.parametrize(("name", "reason"), [("---", "cannot be found as a name"), ("m" * 300, "can be no name")])
def test_a_name_that_could_not_be_found_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InvalidHardwareError, match=rf"box.json: .*{reason}"):
        HardwareManager(write(tmp_path / "box.json", {**CARD, "name": name}))


def test_a_slice_can_be_described(tmp_path: Path) -> None:
    set_hardware_db_path(write(tmp_path / "slice.json", {**CARD, "name": "A100 MIG 3g.40gb"}))
    assert get_accelerator("A100-MIG-3g.40gb").memory_gb == 32
    assert match_device({"name": "A100 MIG 3g.40gb"}).accelerator is get_accelerator("A100 MIG 3g.40gb")
    with pytest.raises(UnknownHardwareError, match=r"is a MIG slice.*describe it in a file of your own"):
        get_accelerator("A100 MIG 1g.10gb")


@pytest.mark.parametrize(("replaces", "reason"), [("A100", "means several"), ("ZZZ", "is not in the catalogue")])
def test_what_is_replaced_is_one_entry(tmp_path: Path, replaces: str, reason: str) -> None:
    with pytest.raises(InvalidHardwareError, match=f"box.json: key 'replaces': .*{reason}"):
        HardwareManager(write(tmp_path / "box.json", {**CARD, "replaces": replaces}))


def test_a_file_is_read_whatever_the_case_of_its_ending_and_with_a_mark_before_its_text(tmp_path: Path) -> None:
    write(tmp_path / "Loud.TOML", "\ufeff" + TOML)
    assert HardwareManager(tmp_path).get_hardware_config("loud")["Memory_size"] == 48


def test_a_list_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidHardwareError, match=r"box.json: describes nothing"):
        HardwareManager(write(tmp_path / "box.json", []))


def test_an_own_board_has_its_count(tmp_path: Path) -> None:
    set_hardware_db_path(write(tmp_path / "Chip.toml", "memory_is_maximum = true\n" + TOML + '[boards]\n"Twin" = 2\n'))
    assert find_devices("3x Twin") == (get_accelerator("Chip"), 6)
    assert get_accelerator("Chip 24GB").memory_gb == 24
