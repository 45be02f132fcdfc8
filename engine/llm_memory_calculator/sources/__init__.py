"""The only door to disk and network: from an id, a path or a mapping to a config and where it came from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from llm_memory_hardware.wording import words

from ..errors import (
    ArgumentError,
    ConfigError,
    HubOfflineError,
    InvalidFileError,
    SourceError,
    UnknownModelError,
    kind_of,
)
from ..formats.stored import StoredTotal, StoredWeights
from ..reach import EVERYWHERE, any_covered, require, within
from ..report import Note
from ..untrusted import Untrusted, untrusted
from . import beside, gguf_config, gguf_file, hub, local, names, params_json, pipelines, safetensors, totals
from .catalogue import catalogue_entries, catalogue_names, config_of, find, near_names
from .hub import one_deadline

__all__ = [
    "Origin",
    "Place",
    "catalogue_entries",
    "catalogue_names",
    "given",
    "locate",
    "one_deadline",
    "read",
    "repository_info",
    "resolve",
    "with_beside",
]

_HUB_PAGE = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:models/)?([\w.-]+/[\w.-]+)", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A model's config and where it came from."""

    model: str
    """What reports call the model: the canonical id, the path, or "custom config"."""
    kind: Literal["catalogue", "name", "hub", "file", "dict"]
    """The source that knew the model; "name": a base of the catalogue that the name says it was made from."""
    where: str
    """The config's URL or path, "bundled catalogue (URL)", or "given as a dict"."""
    config: Mapping[str, Any]
    """The config as published, or as the name or a GGUF file's metadata gives it."""
    weights: StoredWeights | StoredTotal | None = None
    """What the headers of the weights' files list, or what else says how much they hold."""
    notes: tuple[Note, ...] = ()
    """What was inferred, and what could not be read."""
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Formats that files beside the config state otherwise than the config, by file."""
    fetched: bool = field(default=False, compare=False)
    """Whether the hub was asked for it just now."""
    folder: str = field(default="", compare=False)
    """The folder of the hub's own cache that the config was read from."""
    listed: Mapping[str, int] = field(default_factory=dict)
    """How many values of each type the hub counts in the weights' headers, where it was asked for that."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text or a path leads, found without a request."""

    kind: Literal["catalogue", "name", "hub", "file"]
    """As of an Origin, but that the hub may not be reached, and a guess by the name taken instead."""
    name: str
    """The catalogue's id, the name itself, the repository, the path."""
    derived: names.Derived | None = field(default=None, hash=False)
    """What the name says it was made from."""
    repository: str = field(default="", compare=False)
    """The repository that a name of the catalogue means, which may be another of the entry's."""


def _accepted() -> str:
    files = "a path to a config.json or to its folder, to a .safetensors or .gguf file, " if any_covered() else ""
    return (
        "Accepted: a hub id such as 'Qwen/Qwen2.5-7B', a name of the catalogue such as 'llama3_70b', "
        f"{files}or {words().config}."
    )


def resolve(
    model: str | os.PathLike[str] | Mapping[str, Any], *, token: str | None = None, refresh: bool = False
) -> Origin:
    """Find a model's config: an existing path first, then the bundled catalogue, then what the name says, then the hub.

    Where the name of a copy or a fine-tune says for certain which model of the catalogue it was made from, that one is
    taken without a request; where it only seems so, the hub is asked first.
    `token` replaces HF_TOKEN for this call. `refresh` asks the hub first, and past the copy of an earlier answer.
    Raises ArgumentError for what cannot name a model, ConfigError for a mapping that cannot be a config, and a
    SourceError when the model cannot be read.
    """
    if isinstance(model, Mapping):
        return given(model)
    return read(locate(model, refresh=refresh), token=token, refresh=refresh)


def locate(model: str | os.PathLike[str], *, refresh: bool = False) -> Place:
    """Which source knows a model. Raises ArgumentError, UnknownModelError."""
    if isinstance(model, os.PathLike):
        path = os.fspath(model)
        if isinstance(path, str) and path:
            return Place("file", path)
    if not isinstance(model, str):
        raise ArgumentError(f"model must be one name, and is {kind_of(model)}. {_accepted()}")
    name = model.strip()
    if not name:
        raise ArgumentError(f"model is empty. {_accepted()}")
    name = names.without_address(name)
    _refuse_url(name)
    if _is_path(name):
        return Place("file", name)
    known = find(name)
    if known:
        return Place("hub", known.repository) if refresh else Place("catalogue", known.id, repository=known.repository)
    if local.is_file(name) or (local.exists(name) and not hub.is_repository(name)):
        return Place("file", name)
    derived = names.derive(name)
    if derived is not None and derived.certain and not (refresh and hub.is_repository(name)):
        return Place("name", name, derived)
    if not hub.is_repository(name):
        _refuse_name(name, derived)
    return Place("hub", name, derived)


def read(place: Place, *, token: str | None = None, refresh: bool = False) -> Origin:
    """The config of a place. Raises SourceError."""
    if place.kind == "catalogue":
        where = f"bundled catalogue ({catalogue_entries()[place.name]['source']})"
        return Origin(model=place.name, kind="catalogue", where=where, config=config_of(place.name))
    if place.kind == "file":
        return _from_disk(place.name)
    if place.kind == "name" and place.derived is not None:
        return _derived(place.derived)
    return _from_hub(place, token, refresh)


def _is_path(name: str) -> bool:
    return local.looks_like_path(name) or _is_config(name) or _is_weights_file(name)


def _is_config(name: str) -> bool:
    """Whether a text without `./` names a config, or a folder that holds one or what stands in its place."""
    if not local.exists(name):
        return False
    if local.is_config(name) or pipelines.is_pipeline(name):
        return True
    return any(local.exists(os.path.join(name, other)) for other in (params_json.NAME, beside.ADAPTER))


def _is_weights_file(name: str) -> bool:
    """Whether a text without `./` names a file of weights: one that is there, or a path that no repository has."""
    if safetensors.is_named_so(name):
        return True
    return gguf_file.is_named_so(name) and (local.exists(name) or "/" in name)


def _derived(found: names.Derived, why: str = "") -> Origin:
    entry = catalogue_entries()[found.base]
    return Origin(
        model=found.base,
        kind="name",
        where=f"bundled catalogue ({entry['source']})",
        config=names.config_of(found),
        notes=names.notes_of(found, why),
    )


def _from_hub(place: Place, token: str | None, refresh: bool, *, is_base: bool = False) -> Origin:
    """What the hub answers, or what the name may mean where it was not reached; `is_base`: an adapter names it."""
    derived = place.derived
    try:
        found = _asked_of_hub(place.name, token, refresh)
    except HubOfflineError as error:
        earlier = _not_anew(place.name, error) if refresh else None
        if earlier is not None:
            return earlier
        if derived is None or derived.refusal or not derived.base:
            raise type(error)(f"{error}{names.hint(derived)}") from None
        return _derived(derived, f"The hub was not reached ({error})")
    except hub.NoConfigError as error:
        other = None if is_base else _without_config(place.name, token, refresh)
        if other is None:
            raise UnknownModelError(f"{error}{names.hint(derived)}") from None
        return other
    except SourceError as error:
        raise type(error)(f"{error}{names.hint(derived)}") from None
    return Origin(
        model=place.name,
        kind="hub",
        where=found.where,
        config=found.config,
        fetched=found.fetched,
        folder=found.folder,
    )


def _not_anew(repository: str, error: HubOfflineError) -> Origin | None:
    """What is known of a repository that could not be asked for anew: as the catalogue has it, or an earlier answer."""
    known = find(repository)
    if known:
        found, what = read(Place("catalogue", known.id, repository=known.repository)), "the bundled catalogue's config"
    else:
        with within(EVERYWHERE):
            copy = hub.kept(repository)
        if copy is None:
            return None
        found = Origin(model=repository, kind="hub", where=copy.where, config=copy.config, folder=copy.folder)
        what = "the copy of an earlier answer"
    return _noting(found, Note(subject="refresh", text=f"{error} Instead {what} was taken.", origin="warning"))


def _asked_of_hub(repository: str, token: str | None, refresh: bool) -> hub.Answer:
    with within(EVERYWHERE):
        return hub.load(repository, token=token, refresh=refresh)


def _beside(repository: str, token: str | None, refresh: bool) -> hub.Beside:
    with within(EVERYWHERE):
        return hub.beside(repository, token=token, refresh=refresh)


def _without_config(repository: str, token: str | None, refresh: bool) -> Origin | None:
    """The model of a pipeline's parts, of a params.json, or that an adapter names as its base; or None."""
    try:
        found = _beside(repository, token, refresh)
    except SourceError:
        return None
    index = found.texts.get(pipelines.INDEX)
    if index is not None:
        parts = pipelines.assembled(index, _given_by(found))
        return Origin(model=repository, kind="hub", where=f"the {pipelines.INDEX} of {repository}", config=parts)
    params = found.texts.get(params_json.NAME)
    if params is not None:
        where = f"the {params_json.NAME} of {repository} on the hub"
        return _by_usual_names(Origin(model=repository, kind="hub", where=where, config=params))
    adapter = found.texts.get(beside.ADAPTER)
    return None if adapter is None else _base_of(repository, adapter, token)


def _base_of(path: str, adapter: Mapping[str, Any], token: str | None = None) -> Origin:
    """The base that an adapter_config.json names, which is counted without the adapter."""
    base = adapter.get("base_model_name_or_path")
    shown = f"{local.shorten(path)!r} holds an adapter"
    if not isinstance(base, str) or not base.strip():
        raise InvalidFileError(f"{shown} and names no base; give the base as the model and this as lora_config.")
    if isinstance(base, Untrusted):
        raise InvalidFileError(f"{shown} whose base is {base!r}; give the base as the model and this as lora_config.")
    place = locate(base)
    if place.kind == "file":
        raise InvalidFileError(
            f"{shown} whose base is the path {local.shorten(base)!r}; give that as the model and this as lora_config."
        )
    text = f"{shown} of {place.name}: the base was counted, and the adapter is counted by lora_config."
    # the base of a base is not followed
    found = _from_hub(place, token, False, is_base=True) if place.kind == "hub" else read(place)
    return _noting(found, Note(subject="lora_config", text=text, origin="warning"))


def with_beside(origin: Origin, *, token: str | None = None) -> Origin:
    """The same with what stands beside a config of the hub: formats, and how much its files hold.

    Where it cannot be had a note says so, and the config alone is counted.
    """
    if origin.kind != "hub":
        return origin
    kept = origin
    if origin.folder:
        with within(EVERYWHERE):
            kept = _with_weights_of(origin.folder, _completed(origin, _in_folder(origin.folder)))
        if kept.weights is not None:
            return kept
    try:
        found = _beside(origin.model, token, origin.fetched)
    except SourceError as error:
        text = f"What stands beside the config on the hub was not read: the config alone was counted. {error}"
        return _noting(kept, Note(subject="weights", text=text, origin="source"))
    return replace(
        _completed(origin, _given_by(found)),
        listed=found.values,
        weights=totals.of_sizes(found.sizes, "its files on the hub"),
    )


def _given_by(found: hub.Beside) -> Callable[[str], Mapping[str, Any] | None]:
    def read(name: str) -> Mapping[str, Any] | None:
        if name in found.unread:
            raise InvalidFileError(found.unread[name])
        return found.texts.get(name)

    return read


def repository_info(repository: str, *, token: str | None = None) -> dict[str, Any]:
    """What the hub says of a repository. Raises SourceError."""
    return hub.repository_info(repository, token=token)


def given(config: Mapping[str, Any]) -> Origin:
    """A config that the caller has. Raises ConfigError for what cannot be one."""
    if not config:
        raise ConfigError(
            f"The config {words().given_config} is empty. Give the whole content of the model's config.json."
        )
    strangers = [key for key in config if not isinstance(key, str)]
    if strangers:
        raise ConfigError(
            f"The config {words().given_config} has a key of type {type(strangers[0]).__name__}, which is not a "
            "string. Give the content of the model's config.json."
        )
    config, files = beside.in_mapping(untrusted(config))
    origin = _by_usual_names(Origin(model="custom config", kind="dict", where=words().given_config, config=config))
    index = next((files[name] for name in totals.INDEXES if isinstance(files.get(name), Mapping)), None)
    weights = None if index is None else totals.of_index(index, "given beside the config")
    return replace(_completed(origin, lambda name: _mapping(files, name)), weights=weights)


def _mapping(files: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    content = files.get(name)
    if content is not None and not isinstance(content, Mapping):
        raise InvalidFileError(f"It must be an object, and is {kind_of(content)}.")
    return content


def _completed(origin: Origin, read: Callable[[str], Mapping[str, Any] | None]) -> Origin:
    """The same with what the files beside its config state."""
    found = beside.completed(origin.config, read)
    return replace(origin, config=found.config, others=found.others, notes=(*origin.notes, *found.notes))


def _in_folder(folder: str) -> Callable[[str], Mapping[str, Any] | None]:
    def read(name: str) -> Mapping[str, Any] | None:
        file = os.path.join(folder, name)
        return local.load(file)[1] if os.path.lexists(file) else None

    return read


def _by_usual_names(origin: Origin) -> Origin:
    """The same with the config that a params.json gives."""
    if not params_json.is_params(origin.config):
        return origin
    config, notes = params_json.read(origin.config)
    return replace(origin, config=config, notes=(*origin.notes, *notes))


def _from_disk(path: str) -> Origin:
    require(path)
    expanded = local.expanded(path)
    if gguf_file.is_named_so(expanded):
        return _from_gguf(path, expanded)
    if safetensors.is_named_so(expanded):
        return _from_safetensors(path, expanded)
    if pipelines.is_pipeline(expanded):
        index, parts = pipelines.load(expanded)
        return Origin(model=path, kind="file", where=index, config=parts)
    if os.path.isdir(expanded) and not local.is_config(expanded):
        return _from_folder_without_config(path, expanded)
    file, config = local.load(path)
    origin = _by_usual_names(Origin(model=path, kind="file", where=file, config=config))
    if os.path.basename(file) == "config.json":
        origin = _completed(origin, _in_folder(os.path.dirname(file)))
    return _with_weights_of(expanded, origin) if os.path.isdir(expanded) else origin


def _from_gguf(path: str, expanded: str) -> Origin:
    found = gguf_file.read(expanded)
    where = f"the metadata of {local.shown(path)}"
    config = gguf_config.config_of(found, f"The file {local.shown(path)!r}")
    return Origin(model=path, kind="file", where=where, config=config, weights=found.weights)


def _from_safetensors(path: str, expanded: str) -> Origin:
    folder = os.path.dirname(expanded)
    stored = _stored(safetensors.files_of(expanded) or [expanded], folder, path)
    stated = [name for name in ("config.json", params_json.NAME) if os.path.lexists(os.path.join(folder, name))]
    if not stated:
        listed = f"lists {stored.summary()}" if isinstance(stored, StoredWeights) else f"is of {stored.bytes:,} bytes"
        raise InvalidFileError(
            f"The header of {local.shorten(path)!r} {listed}, and no config.json beside it says what model that is; "
            "put the model's config.json into its folder."
        )
    file, config = local.load(os.path.join(folder, stated[0]))
    origin = _by_usual_names(Origin(model=path, kind="file", where=file, config=config, weights=stored))
    return _completed(origin, _in_folder(folder))


def _stored(files: list[str], folder: str, path: str) -> StoredWeights | StoredTotal:
    """The headers of these files, beside what their index says; or that alone where they are not at hand."""
    index = os.path.join(folder, totals.INDEXES[0])
    whole = all(os.path.exists(file) and totals.pointed(file) is None for file in files)
    if not whole and os.path.isdir(folder):
        total = totals.of_folder(folder)
        if total is not None:
            return total
    found = safetensors.read(files, path)
    if os.path.lexists(index):
        said = totals.of_index(local.load(index)[1], totals.INDEXES[0])
        return replace(found, indexed_bytes=None if said is None else said.bytes)
    return found


def _from_folder_without_config(path: str, expanded: str) -> Origin:
    """A folder of GGUF files or with a params.json, or the error that says what it holds instead of a config."""
    params = os.path.join(expanded, params_json.NAME)
    if os.path.lexists(params):
        file, config = local.load(params)
        return _with_weights_of(expanded, _by_usual_names(Origin(model=path, kind="file", where=file, config=config)))
    files = gguf_file.files_in(expanded)
    if len(files) == 1:
        return _from_gguf(path, os.path.join(expanded, files[0]))
    if files:
        some = ", ".join(map(local.shown, files[:8]))
        raise InvalidFileError(
            f"The folder {local.shorten(path)!r} holds {len(files)} GGUF models: {some}. Give one of these files."
        )
    if os.path.lexists(os.path.join(expanded, beside.ADAPTER)):
        return _base_of(path, local.load(os.path.join(expanded, beside.ADAPTER))[1])
    shards = safetensors.files_of(expanded)
    if shards:
        return _from_safetensors(path, shards[0])
    file, config = local.load(path)
    return Origin(model=path, kind="file", where=file, config=config)


def _with_weights_of(folder: str, origin: Origin) -> Origin:
    """The same with how much the files of a folder hold; they judge the answer, and never make it fail."""
    try:
        files = safetensors.files_of(folder)
        weights = _stored(files, folder, folder) if files else totals.of_folder(folder)
        others = [] if weights else [name for name in local.names_in(folder) if name.lower().endswith(".gguf")]
    except (SourceError, OSError) as error:
        text = f"The weights' headers were not read, and the config alone was counted. {error}"
        return _noting(origin, Note(subject="weights", text=text, origin="warning"))
    if not others:
        return replace(origin, weights=weights)
    text = f"{local.shown(others[0])} stands beside the config and was not read: give its own path to count it."
    return _noting(origin, Note(subject="weights", text=text, origin="warning"))


def _noting(origin: Origin, note: Note) -> Origin:
    return replace(origin, notes=(*origin.notes, note))


def _refuse_url(name: str) -> None:
    page = _HUB_PAGE.match(name)
    if page:
        raise UnknownModelError(
            f"{local.shorten(name)!r} is an address, and a model is given by its id. Did you mean {page[1]!r}?"
        )
    if "://" in name:
        raise UnknownModelError(f"{local.shorten(name)!r} is an address, which is not fetched. {_accepted()}")


def _refuse_name(name: str, derived: names.Derived | None) -> NoReturn:
    """Raise the error that says why this name can be no repository."""
    shown = local.shorten(name)
    if "@" in name:
        plain = name.partition("@")[0]
        its_own = "the path of that revision's config.json" if any_covered() else words().config
        raise UnknownModelError(
            f"{shown!r} names a revision, which is not supported: the main one is read. Give {plain!r}, or {its_own}."
        )
    files = "a path, nor " if any_covered() else ""
    raise UnknownModelError(
        f"{shown!r} is neither {files}a name of the catalogue, nor a hub id, which looks like org/name."
        f"{names.hint(derived) or near_names(name[:200])} {_accepted()}"
    )
