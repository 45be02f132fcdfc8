"""The only door to disk and network: from an id, a path or a mapping to a config and where it came from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ArgumentError, ConfigError, UnknownModelError
from . import hub, local
from .catalogue import catalogue_entries, catalogue_names, config_of, find, near_names

__all__ = ["Origin", "catalogue_entries", "catalogue_names", "resolve"]

_ACCEPTED = (
    "Accepted: a hub id such as 'Qwen/Qwen2.5-7B', a name of the catalogue such as 'llama3_70b', "
    "a path to a config.json or to its folder, or the config itself as a dict."
)
_HUB_PAGE = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:models/)?([\w.-]+/[\w.-]+)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A model's config and where it came from."""

    model: str
    """What reports call the model: the canonical id, the path, or "custom config"."""
    kind: Literal["catalogue", "hub", "file", "dict"]
    """The source that knew the model."""
    where: str
    """The config's URL or path, "bundled catalogue (URL)", or "given as a dict"."""
    config: Mapping[str, Any]
    """The config as published."""


def resolve(
    model: str | os.PathLike[str] | Mapping[str, Any], *, token: str | None = None, refresh: bool = False
) -> Origin:
    """Find a model's config: an existing path first, then the bundled catalogue, then the hub.

    `token` replaces HF_TOKEN for this call. `refresh` asks the hub first, and past the copy of an earlier answer.
    Raises ArgumentError for what cannot name a model, ConfigError for a mapping that cannot be a config, and a
    SourceError when the model cannot be read.
    """
    if isinstance(model, Mapping):
        return _given(model)
    if isinstance(model, os.PathLike):
        path = os.fspath(model)
        if isinstance(path, str) and path:
            return _from_disk(path)
    if not isinstance(model, str):
        raise ArgumentError(f"`model` cannot be of type {type(model).__name__}. {_ACCEPTED}")
    name = model.strip()
    if not name:
        raise ArgumentError(f"`model` is empty. {_ACCEPTED}")
    _refuse_url(name)
    if local.looks_like_path(name) or local.is_config(name):
        return _from_disk(name)
    known = find(name)
    if known and not refresh:
        where = f"bundled catalogue ({catalogue_entries()[known.id]['source']})"
        return Origin(model=known.id, kind="catalogue", where=where, config=config_of(known.id))
    if not known:
        if local.is_file(name) or (local.exists(name) and not hub.is_repository(name)):
            return _from_disk(name)
        if not hub.is_repository(name):
            _refuse_name(name)
    repository = known.repository if known else name
    where, config = hub.load(repository, token=token, refresh=refresh)
    return Origin(model=repository, kind="hub", where=where, config=config)


def _given(config: Mapping[str, Any]) -> Origin:
    if not config:
        raise ConfigError("The config given as a dict is empty. Give the whole content of the model's config.json.")
    strangers = [key for key in config if not isinstance(key, str)]
    if strangers:
        raise ConfigError(
            f"The config given as a dict has the key {local.shorten(repr(strangers[0]))}, which is not a string. "
            "Give the content of the model's config.json."
        )
    return Origin(model="custom config", kind="dict", where="given as a dict", config=config)


def _from_disk(path: str) -> Origin:
    file, config = local.load(path)
    return Origin(model=path, kind="file", where=file, config=config)


def _refuse_url(name: str) -> None:
    page = _HUB_PAGE.match(name)
    if page:
        raise UnknownModelError(
            f"{local.shorten(name)!r} is an address, and a model is given by its id. Did you mean {page[1]!r}?"
        )
    if "://" in name:
        raise UnknownModelError(f"{local.shorten(name)!r} is an address, which is not fetched. {_ACCEPTED}")


def _refuse_name(name: str) -> None:
    """Raise the error that says why this name can be no repository."""
    shown = local.shorten(name)
    if "@" in name:
        plain = name.partition("@")[0]
        raise UnknownModelError(
            f"{shown!r} names a revision, which is not supported: the main one is read. Give {plain!r}, or the path "
            "of that revision's config.json."
        )
    raise UnknownModelError(
        f"{shown!r} is neither a path, nor a name of the catalogue, nor a hub id, which looks like org/name."
        f"{near_names(name[:200])} {_ACCEPTED}"
    )
