"""The ledger as a tree that can say why: each part with the numbers that give it, down to layers and formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING

from ..engines.places import standing
from ..operators import ATTENTION_PARTS, FEED_FORWARD_PARTS, CacheLaw
from ..ranks import Holding, holdings
from ..report import Component, Line
from .caches import cache_bytes
from .calibration import offsets_of
from .ledger import encoded_positions, held_sequences, held_tokens
from .verdict import place_at

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..engines import Place
    from ..formats.numerics import Format
    from ..operators import Entry, Operator, Weight
    from ..ranks import Kind
    from .ledger import Ledger

BYTES = "bytes"
MB = 10**6


def explanation(deployment: Deployment, load: Load, need: Ledger, framework_overhead: float | None = None) -> Line:
    """The tree of what was summed on the fullest device. For plain numbers only.

    framework_overhead: the factor that was asked for in place of the engine's own overhead.
    """
    place = place_at(deployment, need)
    holding = place.holding
    lines = (
        _weights(deployment, holding, need.weights),
        Line(
            name="weight padding",
            value=need.loaded,
            unit=BYTES,
            why=_measured(deployment, "weights", standing(deployment.engine, place).loaded_why),
        ),
        Line(name="left on the host", value=-need.host, unit=BYTES, why="weights in the host's memory, on no device"),
        _cache(deployment, load, holding, need),
        Line(
            name="cache padding",
            value=need.paging,
            unit=BYTES,
            why="whole pages, windows and states as the engine keeps them",
        ),
        Line(
            name="cache on the host",
            value=-need.host_kept,
            unit=BYTES,
            why="what is kept of the sequences for layers in the host's memory, on no device",
        ),
        _activations(deployment, place, need),
        _state(deployment, load, holding, need),
        *_draft(deployment, load, place, need),
        Line(name="media", value=need.images, unit=BYTES, why=_media(deployment, load)),
        Line(name="LoRA adapters", value=need.adapters, unit=BYTES, why=_adapters(load)),
        Line(name="gradients", value=need.gradients, unit=BYTES, why="one for each parameter"),
        _overhead(deployment, holding, need, framework_overhead),
    )
    return Line(
        name="total",
        value=need.total,
        unit=BYTES,
        why=f"of {need.where}",
        parts=tuple(line for line in lines if line.value),
    )


def weights_of(deployment: Deployment) -> Line:
    """The tree of the weights of a model, whole on one device."""
    (holding,) = holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, deployment.engine)
    return _weights(deployment, holding, holding.weights)


def components_of(deployment: Deployment, holding: Holding) -> tuple[Component, ...]:
    """The parts of a pipeline by what they hold on one device; none for a single model."""
    if deployment.architecture.task != "diffusion":
        return ()
    sums: dict[str, list[float]] = {}
    for part, _, values, size in _stored(deployment, holding):
        entry = sums.setdefault(part, [0.0, 0.0])
        entry[0] += values
        entry[1] += size
    return tuple(
        Component(name=name, parameter_count=round(values), weight_memory_bytes=round(size))
        for name, (values, size) in sums.items()
    )


def shared_out(total: float, values: Iterable[float]) -> list[int]:
    """Whole numbers that sum to `total` rounded, each at most one off its value's part of it."""
    found, reached, given = [], 0.0, 0
    entries = list(values)
    scale = round(total) / (sum(entries) or 1)
    for value in entries:
        reached += value * scale
        found.append(round(reached) - given)
        given = round(reached)
    return found


# --- weights -------------------------------------------------------------------------------------------------------


def _weights(deployment: Deployment, holding: Holding, total: int) -> Line:
    """By part of the model, and by format where a part has several."""
    sizes: dict[str, dict[str, list[float]]] = {}
    for part, form, values, size in _stored(deployment, holding):
        entry = sizes.setdefault(part, {}).setdefault(form, [0.0, 0.0])
        entry[0] += values
        entry[1] += size
    totals = shared_out(total, (sum(size for _, size in forms.values()) for forms in sizes.values()))
    lines = tuple(_part(part, share, forms) for (part, forms), share in zip(sizes.items(), totals, strict=True))
    return Line(name="weights", value=total, unit=BYTES, why=deployment.formats.scheme.label, parts=lines)


def _part(name: str, total: int, forms: Mapping[str, list[float]]) -> Line:
    def why(form: str, values: float, size: float) -> str:
        return f"{round(values):,} values in {form}, {8 * size / values:.4g} bits each" if values else form

    if len(forms) == 1:
        ((form, (values, size)),) = forms.items()
        return Line(name=name, value=total, unit=BYTES, why=why(form, values, size))
    shares = shared_out(total, (size for _, size in forms.values()))
    parts = tuple(
        Line(name=form, value=share, unit=BYTES, why=why(form, values, size))
        for (form, (values, size)), share in zip(forms.items(), shares, strict=True)
    )
    return Line(name=name, value=total, unit=BYTES, parts=parts)


def _stored(deployment: Deployment, holding: Holding) -> Iterator[tuple[str, str, float, float]]:
    """(part, format, values, bytes) of every weight that the device stores."""
    pipeline = deployment.architecture.task == "diffusion"
    whole = [(count, kind, "") for count, kind in holding.text]
    whole += [(kind.count, kind, "encoder") for kind in holding.encoder]
    whole += [(kind.count, kind, "tower") for kind in holding.towers]
    for count, kind, place in whole:
        for operator in kind.layer.operators:
            for weight in operator.weights():
                for form, values, size in _formats(deployment, kind, weight):
                    yield _name(kind, weight, "component" if pipeline else place), form, count * values, count * size
    for count, kind in holding.copied:
        for operator in kind.layer.operators:
            own = {weight.name for weight in operator.weights()}
            for weight in operator.self_contained().weights():
                if weight.name not in own:
                    for form, values, size in _formats(deployment, kind, weight):
                        yield _name(kind, weight, ""), form, count * values, count * size


def _formats(deployment: Deployment, kind: Kind, weight: Weight) -> Iterator[tuple[str, float, float]]:
    scheme, path = deployment.formats.scheme, kind.layer.module_paths()[0]
    for form, share in scheme.formats_of(weight, f"{path}." if path else ""):
        size: Format = form
        yield (
            form.name,
            share * weight.size,
            share * weight.copies * size.stored_bytes(weight.rows, weight.columns) * scheme.factor,
        )


def _name(kind: Kind, weight: Weight, place: str) -> str:
    """What the weight is a part of."""
    if place == "encoder":
        return "encoder"
    if place:
        # a tower or a component by the first name of its path
        path = ".".join(filter(None, (kind.layer.path, weight.name)))
        return path.removeprefix("model.").split(".")[0].replace("_", " ")
    if weight.role in ("table", "head", "expert", "router"):
        return {"table": "embedding", "head": "head", "expert": "experts", "router": "routers"}[weight.role]
    if weight.role in ("vector", "buffer"):
        return "norms and biases"
    if weight.part == "mixer" and any(kind.state):
        return "recurrent mixers"
    if weight.part in ATTENTION_PARTS - {None}:
        return "attention"
    if weight.part in FEED_FORWARD_PARTS - {None}:
        return "shared experts" if str(weight.part).startswith("shared") else "feed-forward"
    return "other matrices"


# --- what grows with the load --------------------------------------------------------------------------------------


def _cache(deployment: Deployment, load: Load, holding: Holding, need: Ledger) -> Line:
    """By kind of layer, with the law that each follows."""
    tokens, encoded = held_tokens(deployment, load), encoded_positions(deployment, load)
    here, formats, engine = held_sequences(deployment, load), deployment.formats, deployment.engine
    kinds: dict[tuple[CacheLaw | None, Entry], list[tuple[int, Operator]]] = {}
    for layers, operator in holding.caching:
        kinds.setdefault((operator.cache_law(), operator.cached_entry()), []).append((layers, operator))
    sizes = [cache_bytes(kind, formats, engine, tokens, encoded) for kind in kinds.values()]
    lines = []
    for ((law, entry), kind), value in zip(kinds.items(), shared_out(need.kv_cache, sizes), strict=True):
        layers = sum(count for count, _ in kind)
        said = law or CacheLaw("cache", 0, "tokens")
        why = f"{here:,} x {layers:,} layers x {said.counted} x {engine.entry_bytes(entry, formats):,g} B"
        lines.append(Line(name=said.kind, value=value, unit=BYTES, why=why))
    return Line(
        name="KV cache",
        value=need.kv_cache,
        unit=BYTES,
        why=f"{here:,} of {'a mix of up to ' if load.mix else ''}{tokens:,} tokens in {engine.kept_in(formats)}",
        parts=tuple(lines),
    )


def _state(deployment: Deployment, load: Load, holding: Holding, need: Ledger) -> Line:
    here, formats, engine = held_sequences(deployment, load), deployment.formats, deployment.engine
    window, recurrent, lean = holding.state
    parts = (
        ("convolution windows", window, formats.activation_bytes),
        ("recurrent states", recurrent, engine.recurrent_bytes),
        ("recurrent states in the model's format", lean, formats.activation_bytes),
    )
    shares = shared_out(need.state, (values * width for _, values, width in parts))
    lines = (
        Line(name=name, value=share, unit=BYTES, why=f"{here:,} x {values:,} values x {width:g} B")
        for (name, values, width), share in zip(parts, shares, strict=True)
        if values
    )
    return Line(name="state", value=need.state, unit=BYTES, parts=tuple(lines))


def _draft(deployment: Deployment, load: Load, place: Place, need: Ledger) -> Iterator[Line]:
    """What is loaded and kept for what drafts."""
    speculation, draft = deployment.speculation, place.draft
    if speculation is None or draft is None or draft.place is None:
        return
    by = speculation.name or "the model's own layers for multi-token prediction"
    holding, formats = draft.place.holding, draft.place.formats
    why = f"{holding.depth:,} layer(s) of {by} in {formats.scheme.label}, {holding.parameters:,} parameters"
    yield Line(name="draft weights", value=need.draft_weights, unit=BYTES, why=why)
    tokens, here = held_tokens(deployment, load), held_sequences(deployment, load)
    caching = sum(layers for layers, _ in holding.caching)
    why = f"{here:,} of {tokens:,} tokens in {caching:,} layer(s) in {deployment.engine.kept_in(formats)}"
    yield Line(name="draft cache", value=need.draft_cache, unit=BYTES, why=why)


def _activations(deployment: Deployment, place: Place, need: Ledger) -> Line:
    """The larger of what runs one after the other, and which it is."""
    said = {} if deployment.architecture.task == "diffusion" else deployment.engine.explained(place)
    lines = [
        Line(name=part, value=ceil(value), unit=BYTES, why=said.get(part, ""))
        for part, value in need.peaks.items()
        if value
    ]
    if "activations" in offsets_of(deployment):
        why = _measured(deployment, "activations")
        return Line(name="activations", value=need.activations, unit=BYTES, why=why)
    if len(lines) < 2:
        return Line(name="activations", value=need.activations, unit=BYTES, parts=tuple(lines))
    largest = max(lines, key=lambda line: line.value)
    return Line(
        name="activations",
        value=need.activations,
        unit=BYTES,
        why=f"the largest, since these run one after the other: {largest.name}",
        parts=tuple(lines),
    )


def _media(deployment: Deployment, load: Load) -> str:
    if deployment.architecture.latents is not None:
        return "latents of each pass, and pixels"
    given = (("images", load.images), ("video", load.video), ("sound", load.sound))
    kinds = " and ".join(name for name, found in given if found is not None)
    return f"what a tower keeps alive of {kinds} in a step, and the embeddings"


def _adapters(load: Load) -> str:
    if load.adapters is None:
        return ""
    return f"{load.adapters.count:,} of rank {load.adapters.rank:,} in {load.adapters.form.name}"


def _measured(deployment: Deployment, part: str, why: str = "") -> str:
    """Why a part is what it is, with what a calibration added to it."""
    offset = offsets_of(deployment).get(part)
    added = "" if offset is None else f"{offset / MB:+,.0f} MB by a log's own number"
    return ", ".join(filter(None, (why, added)))


def _overhead(deployment: Deployment, holding: Holding, need: Ledger, stated: float | None) -> Line:
    if stated is not None:
        why = f"as asked: (KV cache + state + media + activations) x {stated - 1:.4g}"
        return Line(name="overhead", value=need.overhead, unit=BYTES, why=why)
    peers = deployment.layout.devices_of_copy
    alone = "one device alone" if peers == 1 else f"one of {peers:,} devices that share the model"
    lines = (
        Line(name="context", value=need.context, unit=BYTES, why=_measured(deployment, "context", f"of {alone}")),
        Line(
            name="buffers",
            value=need.buffers,
            unit=BYTES,
            why=_measured(deployment, "buffers", f"communication and the like of {alone}"),
        ),
        Line(
            name="graphs",
            value=need.graphs,
            unit=BYTES,
            why=_measured(deployment, "graphs", f"captured for {holding.depth:,} layers"),
        ),
    )
    return Line(
        name="overhead",
        value=need.overhead,
        unit=BYTES,
        why=str(deployment.engine),
        parts=tuple(line for line in lines if line.value),
    )
