"""An engine and its release as people name them: by another name, in any punctuation, the release behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from ..errors import ArgumentError, shown
from ..facts import table
from . import ENGINES, SPELLINGS
from .releases import release_of

# Programs that load one engine or another, by what is in the file: their names say none.
# https://lmstudio.ai/docs/app (llama.cpp and MLX), https://docs.nvidia.com/nim/large-language-models/latest/profiles.html,
# https://github.com/oobabooga/text-generation-webui (its loaders)
_LOADERS: Mapping[str, tuple[str, ...]] = {
    "lmstudio": ("llama_cpp", "mlx"),
    "nim": ("tensorrt_llm", "vllm", "sglang"),
    "nvidianim": ("tensorrt_llm", "vllm", "sglang"),
    "oobabooga": ("llama_cpp", "exllama", "transformers"),
    "textgenerationwebui": ("llama_cpp", "exllama", "transformers"),
}
_MOST = 10**6
"""No engine has counted so many builds."""
_NEWEST = ("latest", "newest", "current", "stable")
_BETWEEN = re.compile(r"[\s_()\[\]-]+")
# vllm 0.9.1, vllm==0.9.1, vllm-openai:v0.8.5, llama.cpp b5000, TensorRT-LLM (0.20); bounded, for anyone types it
_WITH_RELEASE = re.compile(
    r"(?P<name>[a-z][\w./\[\] -]{0,60}?)[\s@:=(_-]+(?:version|release|build)?\s*"
    r"(?P<release>v?\.?\d[\w.+-]{0,40}|b\d{1,6}|latest|newest|current|stable)\s*\)?",
    re.IGNORECASE,
)


def named_with_release(engine: object, release: object) -> tuple[object, object]:
    """The engine and its release, where the name says it too ("vllm 0.9.1"); what is not read stays as it is.

    A release that is a number is its text where no other can be meant; the newest is None.
    Raises ArgumentError for two releases that differ, for a number that may be two, and for a program that loads one
    engine or another.
    """
    said: object = None
    if isinstance(engine, str):
        engine, said = _apart(engine)
    if isinstance(release, str) and release.strip().lower() in _NEWEST:
        release = None
    elif isinstance(release, (int, float)) and not isinstance(release, bool) and 0 <= release < _MOST:
        release = _of_number(release, engine)
    if said is None:
        return engine, release
    if release not in (None, said) and release_of(str(release)) != release_of(str(said)):
        raise ArgumentError(f"engine says release {shown(said)} and engine_version {shown(release)}; give it once.")
    return engine, None if said in _NEWEST else said


def _apart(said: str) -> tuple[str, str | None]:
    """The engine that a text names, and the release behind its name."""
    if (whole := _known().get(_plain(said))) is not None:
        return whole, None
    found = _WITH_RELEASE.fullmatch(said.strip())
    name, release = (said, None) if found is None else (found["name"], found["release"].lower().removeprefix("v."))
    if loads := _LOADERS.get(_plain(name)):
        raise ArgumentError(
            f"engine {shown(said)} runs {', '.join(loads[:-1])} or {loads[-1]}: give the one that it has loaded."
        )
    known = _known().get(_plain(name))
    return (said, None) if known is None else (known, release)


def _of_number(release: float, engine: object) -> str:
    """A release that came as a number: 0.8 is 0.8, since no release is 0.80; 0.1 may be 0.10."""
    text = f"{release!r}"
    _, _, part = text.partition(".")
    name = engine if engine in ENGINES else ENGINES[0]
    if len(part) == 1 and part != "0":
        newest = max(release_of(facts["from"]) for facts in table(f"engines/{name}")["version"])
        other = f"{text}0"
        if release_of(other) <= newest:
            raise ArgumentError(
                f"engine_version {text} is a number, and may be release {text!r} or {other!r}: give it as text."
            )
    return text


def _plain(name: str) -> str:
    return _BETWEEN.sub("", name.strip().lower())


@cache
def _known() -> Mapping[str, str]:
    """Every engine by its names, without what stands between their parts."""
    return {_plain(word): engine for word, engine in (*((one, one) for one in ENGINES), *SPELLINGS.items())}
