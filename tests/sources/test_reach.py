"""Local files where whoever answers for others lets none be named, or those below a folder."""

import json
from pathlib import Path

import pytest

from llm_memory_calculator.errors import CalculatorError, SourceError, UnknownModelError
from llm_memory_calculator.reach import EVERYWHERE, NOWHERE, Reach, within
from llm_memory_calculator.sources import resolve
from llm_memory_calculator.sources.adapters import read_adapter
from llm_memory_calculator.sources.calibration import read_calibration

CONFIG = {"model_type": "llama", "hidden_size": 4096}


def model(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return folder


def refusal(path: str, reach: Reach) -> str:
    with within(reach), pytest.raises(SourceError) as raised:
        resolve(path)
    return str(raised.value)


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "/etc/passwd",
        "/nonexistent",
        "~/.ssh",
        "~root",
        "../secret.json",
        "./models",
        "{folder}",
        "{folder}/config.json",
        "{folder}/absent.gguf",
        "{folder}/absent.safetensors",
        "{folder}/m.gguf",
    ],
)
def test_paths_that_are_there_and_that_are_not_are_refused_alike(path: str, tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    (folder / "m.gguf").write_bytes(b"GGUF")
    said = refusal(path.format(folder=folder), NOWHERE)
    assert said == refusal("/nonexistent", NOWHERE)
    assert str(tmp_path) not in said


def test_a_folder_of_the_working_directory_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model(tmp_path / "here")
    assert resolve("here").kind == "file"
    with within(NOWHERE), pytest.raises(UnknownModelError, match="'here' is neither a name of the catalogue") as there:
        resolve("here")
    with within(NOWHERE), pytest.raises(UnknownModelError) as absent:
        resolve("gone")
    assert str(there.value).replace("here", "gone") == str(absent.value)


@pytest.mark.parametrize("read", [read_adapter, read_calibration])
def test_adapters_and_calibrations_are_not_read(read: object, tmp_path: Path) -> None:
    file = tmp_path / "adapter_config.json"
    file.write_text('{"r": 8}', encoding="utf-8")
    for path in (str(file), str(tmp_path / "absent.json")):
        with within(NOWHERE), pytest.raises(UnknownModelError, match="No local file"):
            read(path)  # type: ignore[operator]


def test_below_the_root_models_are_read(tmp_path: Path) -> None:
    folder = model(tmp_path / "root" / "llama")
    with within(Reach(str(tmp_path / "root"))):
        assert resolve(str(folder)).config == CONFIG
        with pytest.raises(SourceError, match="There is no such file"):
            resolve(str(tmp_path / "root" / "absent.json"))


def test_what_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", model(tmp_path / "rooted")
    inside = model(root / "inside")
    (root / "link").symlink_to(outside)
    (root / "linked.json").symlink_to(outside / "config.json")
    (root / "broken.json").symlink_to(tmp_path / "absent.json")
    (inside / "config.json").unlink()
    (inside / "config.json").symlink_to(outside / "config.json")
    reach = Reach(str(root))
    paths = [outside, root / ".." / "rooted", root / "link", root / "linked.json", root / "broken.json", inside]
    for path in (*map(str, paths), f"{root}/link/../../rooted", "/etc/passwd"):
        assert refusal(path, reach) == refusal("/nonexistent", reach), path


def test_a_link_within_the_root_is_followed(tmp_path: Path) -> None:
    folder = model(tmp_path / "root" / "blobs")
    (tmp_path / "root" / "name").symlink_to(folder)
    (tmp_path / "alias").symlink_to(tmp_path / "root")
    for root in ("root", "alias"):
        with within(Reach(str(tmp_path / root))):
            assert resolve(str(tmp_path / root / "name")).config == CONFIG


@pytest.mark.parametrize("name", ["7b", "", "file:///etc/passwd", "meta-llama/Llama-3.1-8B@main"])
def test_a_file_is_offered_only_where_one_may_be_named(name: str) -> None:
    for reach, offered in ((EVERYWHERE, True), (NOWHERE, False)):
        with within(reach), pytest.raises(CalculatorError) as raised:
            resolve(name)
        assert ("path" in str(raised.value)) is offered
