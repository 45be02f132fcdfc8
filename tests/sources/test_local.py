"""Configs on the disk: what is read, what is refused, and that nothing on the disk can hold a call."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from llm_memory_calculator.errors import InvalidFileError, UnknownModelError
from llm_memory_calculator.sources import local, resolve

CONFIG = {"model_type": "llama", "hidden_size": 64}


@pytest.fixture
def folder() -> Path:
    made = Path("model").absolute()
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    return made


def test_a_folder_and_its_file_give_the_same_config(folder: Path) -> None:
    for given in (folder, str(folder), folder / "config.json", "model", "./model", "model/", "model/config.json"):
        origin = resolve(given)
        assert (origin.kind, origin.config, origin.model) == ("file", CONFIG, os.fspath(given))
        assert Path(origin.where).samefile(folder / "config.json")


def test_a_file_may_have_any_name_that_ends_in_json(folder: Path) -> None:
    (folder / "config.json").rename("Mine.JSON")
    assert resolve("Mine.JSON").config == CONFIG


def test_the_home_folder_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve("~/model").config == CONFIG
    assert resolve(Path("~/model/config.json")).config == CONFIG


def test_a_link_to_a_config_is_followed(folder: Path) -> None:
    Path("link.json").symlink_to(folder / "config.json")
    assert resolve("link.json").config == CONFIG


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(CONFIG).encode())
    assert resolve(folder).config == CONFIG


def test_a_folder_without_a_config_says_what_is_accepted() -> None:
    Path("empty").mkdir()
    for given in ("./empty", "empty", Path("empty")):
        with pytest.raises(InvalidFileError, match=r"holds no config\.json\. Accepted: a folder"):
            resolve(given)


def test_a_file_of_another_kind_says_what_is_accepted(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"weights")
    for given in ("./model/model.bin", folder / "model.bin"):
        with pytest.raises(InvalidFileError, match=r"not a \.json file\. Accepted: a folder"):
            resolve(given)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[1, 2]", "holds a list"),
        (b'"text"', "holds a string"),
        (b"null", "holds null"),
        (b"true", "holds true or false"),
        (b"3.5", "holds a number"),
        (b"{}", "empty object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else "",
)
def test_what_is_not_a_config_is_refused_with_its_fault(folder: Path, body: bytes, says: str) -> None:
    (folder / "config.json").write_bytes(body)
    with pytest.raises(InvalidFileError, match=says):
        resolve(folder)


def test_a_file_above_the_limit_is_refused(folder: Path) -> None:
    with open(folder / "config.json", "wb") as stream:
        stream.truncate(local.MAX_BYTES + 1)
    with pytest.raises(InvalidFileError, match="larger than 16 MiB"):
        resolve(folder)


def test_a_broken_link_is_named_as_such(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("gone.json")
    for given in (folder, "model", "model/config.json"):
        with pytest.raises(InvalidFileError, match="a link to a file that is gone"):
            resolve(given)


def test_links_in_a_circle_are_refused() -> None:
    Path("a.json").symlink_to("b.json")
    Path("b.json").symlink_to("a.json")
    with pytest.raises(InvalidFileError, match="cannot be read"):
        resolve("a.json")


def test_a_pipe_does_not_hold_the_call(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    for given in (folder, folder / "config.json"):
        with pytest.raises(InvalidFileError, match="not a regular file"):
            resolve(given)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str) -> None:
    with pytest.raises(InvalidFileError, match="not a regular file"):
        resolve(device)


def test_a_folder_in_the_place_of_the_file_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    with pytest.raises(InvalidFileError, match="not a regular file"):
        resolve(folder)


def test_a_file_that_may_not_be_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(local, "open", refuse, raising=False)
    with pytest.raises(InvalidFileError, match="cannot be read: Permission denied"):
        resolve(folder)


def test_a_name_that_no_file_can_have_is_refused() -> None:
    for given in ("/" + "x" * 5000, "./a\0b"):
        with pytest.raises((InvalidFileError, UnknownModelError)) as raised:
            resolve(given)
        assert len(str(raised.value)) < 500
