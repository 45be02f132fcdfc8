"""Configs on the local disk, and the reading of JSON that is not to be trusted."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections import Counter
from typing import Any, BinaryIO

from ..errors import InvalidFileError, UnknownModelError
from ..reach import covered, is_there, require
from ..untrusted import untrusted

MAX_BYTES = 16 * 2**20
_SMALL = 64 * 2**10
ACCEPTED = "Accepted: a folder that holds a config.json, or a .json, .safetensors or .gguf file."


def looks_like_path(text: str) -> bool:
    """Whether the text can only mean a path: such text is never looked up anywhere else."""
    return text.startswith(("./", "../", "/", "~")) or text in (".", "..") or "\\" in text or is_json_name(text)


def is_json_name(text: str) -> bool:
    return text.lower().endswith(".json")


def is_config(path: str) -> bool:
    """Whether the path is a folder that holds a config.json, or is named like a .json file."""
    if not covered(path):
        return False
    file = expanded(path)
    return os.path.lexists(file if is_json_name(file) else os.path.join(file, "config.json"))


def expanded(path: str) -> str:
    """The path with the home folder in place of ~; what can be no path stays, and is refused where it is read."""
    return path if "\0" in path else os.path.expanduser(path)


def exists(path: str) -> bool:
    """Whether something has this path, be it a link that leads nowhere."""
    return is_there(expanded(path))


def is_file(path: str) -> bool:
    return exists(path) and os.path.isfile(expanded(path))


def load(path: str) -> tuple[str, dict[str, Any]]:
    """The file that was read and its config.

    Raises UnknownModelError when nothing has this path, InvalidFileError when what has it is not a model's config.
    """
    file = expanded(path)
    if stat.S_ISDIR(_mode(file)):
        file = os.path.join(file, "config.json")
        if not os.path.lexists(file):
            raise InvalidFileError(f"The folder {shown(path)!r} holds no config.json. {ACCEPTED}")
    return file, parse(_read(file), f"The file {shown(file)!r}")


def load_cached(file: str) -> dict[str, Any] | None:
    """The config of a cached copy, or None when there is no sound copy."""
    try:
        return load(file)[1]
    except (UnknownModelError, InvalidFileError):
        return None


def parse(body: bytes, name: str) -> dict[str, Any]:
    """The JSON object that the bytes spell; `name` is the subject of the error's sentence.

    Raises InvalidFileError for anything else, nesting without end included.
    """
    try:
        # Python writes Infinity and NaN, which json reads; a field that must be a number refuses them where it is read
        config = json.loads(_text(body), object_pairs_hook=_without_repeats)
    except UnicodeDecodeError:
        raise InvalidFileError(f"{name} is not UTF-8 text. Give the model's config.json as published.") from None
    except RecursionError:
        raise InvalidFileError(f"{name} is nested too deeply to be a model's config.json.") from None
    except ValueError as error:
        raise InvalidFileError(f"{name} is not valid JSON ({error}). Give the model's config.json.") from None
    if not isinstance(config, dict):
        raise InvalidFileError(
            f"{name} holds {_KINDS.get(type(config), 'a number')} where a model's config.json holds an object."
        )
    if not config:
        raise InvalidFileError(f"{name} holds an empty object. Give the model's whole config.json.")
    found: dict[str, Any] = untrusted(config)
    return found


def shorten(text: str) -> str:
    """The text as an error shows it."""
    return text if len(text) <= 200 else f"{text[:199]}…"


def shown(path: str) -> str:
    """A path as an error shows it, of which every name may be one that a file's maker chose."""
    return shorten("".join(str(untrusted(name)) for name in re.split(r"([/\\])", path)))


_KINDS: dict[type, str] = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{untrusted(name)!r} stands twice in one object")
    return found


def _text(body: bytes) -> str:
    """The text, whatever mark of byte order stands before it."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16")
    return body.decode("utf-8-sig")


def _mode(path: str) -> int:
    """The kind of file that the path leads to, in `stat`'s terms."""
    require(path)
    said = shown(path)
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):
            raise InvalidFileError(f"{said!r} is a link to a file that is gone. {ACCEPTED}") from None
        raise UnknownModelError(f"There is no such file or folder: {said!r}. {ACCEPTED}") from None
    except OSError as error:
        raise InvalidFileError(f"{said!r} cannot be read: {error.strerror}. {ACCEPTED}") from None
    except ValueError:
        raise InvalidFileError(f"{said!r} is not a path that a file can have. {ACCEPTED}") from None


def names_in(folder: str) -> list[str]:
    """The names in a folder, in order. Raises InvalidFileError when it cannot be read."""
    require(folder)
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise InvalidFileError(
            f"The folder {shown(folder)!r} cannot be read: {error.strerror}. Check its permissions."
        ) from None


def read_object(file: str, shown: str, what: str, said: str = "") -> dict[str, Any]:
    """The JSON object in a small file beside a model, which is `what` (a calibration); `shown`: the path to say.

    Raises InvalidFileError for one that is too large or no object, with `said` at the sentence's end.
    """
    body = _bounded(file, shown, f"{what}.")
    try:
        return parse(body, shown)
    except InvalidFileError as error:
        raise InvalidFileError(f"{shown!r} is no {what}: it holds no JSON object{said}.") from error


def open_regular(file: str) -> BinaryIO:
    """The file, opened; a pipe or a device is refused before it is."""
    said = shown(file)
    if not stat.S_ISREG(_mode(file)):
        raise InvalidFileError(f"{said!r} is not a regular file. {ACCEPTED}")
    try:
        return open(file, "rb")
    except OSError as error:
        raise InvalidFileError(f"{said!r} cannot be read: {error.strerror}. Check its permissions.") from None


def _read(file: str) -> bytes:
    """The bytes of a .json file of at most MAX_BYTES."""
    said = shown(file)
    if stat.S_ISREG(_mode(file)) and not is_json_name(file):
        raise InvalidFileError(f"{said!r} is not a .json file. {ACCEPTED}")
    return _bounded(file, said, f"config.json. {ACCEPTED}")


def _bounded(file: str, shown: str, what: str) -> bytes:
    """All bytes of a file of at most MAX_BYTES, said as `shown`; `what` ends the sentence that refuses a larger one."""
    with open_regular(file) as stream:
        # most are small, and room for the largest is not taken for them
        body = stream.read(_SMALL)
        if len(body) == _SMALL:
            body += stream.read(MAX_BYTES + 1 - _SMALL)
    if len(body) > MAX_BYTES:
        raise InvalidFileError(f"{shown!r} is larger than {MAX_BYTES // 2**20} MiB, more than any {what}")
    return body
