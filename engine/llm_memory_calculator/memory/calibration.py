"""What a start-up log measured of an engine on a card, and how later estimates take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ..checks import text, whole
from ..engines import ENGINES, engine_for
from ..engines.base import Range, Spread
from ..errors import ArgumentError, shown
from ..report import Note
from ..units import choose, larger, somewhere, whole_near

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..engines import Device, Engine, Place
    from .ledger import Ledger

PARTS = (*Spread.PARTS, "graphs_counted")
"""What is corrected; `graphs_counted` is what an engine takes away for graphs in its own sum."""
# These hang on the model and its formats; the others on the engine and the card.
_OF_MODEL = ("weights", "activations")
# What is left of a range where a part was measured, and what start-ups differ by at least.
_NARROWED, _LEAST_BYTES = 0.1, 20e6
# How far two statements of the same card's memory may be apart.
_SAME_MEMORY = 0.01
_MOST_BYTES, _MOST_DEVICES = 10**15, 65_536
# No card that serves has less.
_LEAST_CARD = 10**9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How far measured parts of the memory lie from their estimates, and where that was measured."""

    engine: str
    version: str = ""
    hardware: str = ""
    """The accelerator's name in the catalogue; empty where the log told its memory alone."""
    total_bytes: int
    """What the runtime showed of one device."""
    parts: Mapping[str, int]
    """Measured - estimated, bytes, by part of the ledger."""
    model: str = ""
    precision: str = ""
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    source: str = ""
    """What it was read from."""

    @property
    def said(self) -> str:
        """What it was read from, whoever wrote its file."""
        return f"a start-up log of {self.engine}{self.version and ' '}{self.version}"

    def as_mapping(self) -> dict[str, Any]:
        """As its file holds it."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**values, "parts": dict(self.parts)}

    def is_of(self, device: Device) -> bool:
        """Whether a device is the card that was measured."""
        if device.total_bytes is None:
            return False
        if self.hardware and device.name:
            return self.hardware == device.name
        return abs(device.total_bytes - self.total_bytes) <= _SAME_MEMORY * self.total_bytes

    def is_of_release(self, engine: Engine) -> bool:
        """Whether an engine is of the range of versions that was measured, in which the same numbers hold."""
        measured = engine_for(self.engine, self.version or None)
        return engine.name == self.engine and bool(engine.facts["from"] == measured.facts["from"])


def calibration_of(stated: Mapping[str, Any]) -> Calibration:
    """The calibration that an object states. Raises ArgumentError, which says what is wrong with it."""
    known = {item.name for item in fields(Calibration)}
    strangers = [name for name in stated if name not in known]
    if strangers or not {"engine", "total_bytes", "parts"} <= set(stated):
        raise ArgumentError(
            f"calibration must be what explain_startup_log gives as one (or calibrate, with factors), an object of "
            f"{', '.join(sorted(known))}, and "
            f"{f'has {strangers[0]!r}' if strangers else 'lacks engine, total_bytes or parts'}."
        )
    parts = stated["parts"]
    if not isinstance(parts, Mapping) or not set(parts) <= set(PARTS):
        raise ArgumentError(f"calibration's parts must be bytes by part ({', '.join(PARTS)}), and are {shown(parts)}.")
    checked: dict[str, Any] = {}
    for name in ("engine", "version", "hardware", "model", "precision", "source"):
        checked[name] = text(f"calibration's {name}", stated.get(name, ""))
    for name in ("tensor_parallel", "pipeline_parallel"):
        checked[name] = whole(f"calibration's {name}", stated.get(name, 1), most=_MOST_DEVICES)
    if checked["engine"] not in ENGINES:
        raise ArgumentError(
            f"calibration's engine {shown(checked['engine'])} is not described here. Accepted: {', '.join(ENGINES)}."
        )
    checked["total_bytes"] = whole(
        "calibration's total_bytes", stated["total_bytes"], least=_LEAST_CARD, most=_MOST_BYTES
    )
    checked["parts"] = {
        part: whole(f"calibration's {part}", value, least=-_MOST_BYTES, most=_MOST_BYTES)
        for part, value in parts.items()
    }
    for part, value in checked["parts"].items():
        if abs(value) > checked["total_bytes"]:
            shows = f"the card of {checked['total_bytes']:,} bytes shows"
            raise ArgumentError(
                f"calibration's {part} is {value:,} bytes, more than {shows}; give what a log measured."
            )
    return Calibration(**checked)


def require_same(calibration: Calibration, engine: Engine, device: Device) -> None:
    """Raise ArgumentError where a calibration is of another engine, release or card."""
    measured = f"calibration is of {calibration.engine} {calibration.version}".rstrip()
    if engine.name != calibration.engine or not calibration.is_of_release(engine):
        raise ArgumentError(
            f"{measured}, and {engine.name} {engine.version} was asked for; give engine {calibration.engine!r} and "
            f"a release such as {calibration.version or 'the newest'}, or leave calibration out."
        )
    if device.total_bytes is not None and not calibration.is_of(device):
        card = calibration.hardware or f"a device of {calibration.total_bytes / 2**30:.2f} GiB"
        other = device.name or f"a device of {device.total_bytes / 2**30:.2f} GiB"
        raise ArgumentError(
            f"{measured} on {card}, and {other} was asked for; give that hardware, or leave calibration out."
        )


def offsets_of(deployment: Deployment) -> Mapping[str, int]:
    """What is added to the parts of a deployment's ledger: none of another card, release or layout.

    Layouts differ in what each device holds of communication, which one log does not tell.
    """
    calibration = deployment.calibration
    if calibration is None or not somewhere(measured_here(deployment)):
        return {}
    own = (calibration.model, calibration.precision) == (deployment.model.name, deployment.formats.scheme.label)
    return {part: offset for part, offset in calibration.parts.items() if own or part not in _OF_MODEL}


def measured_here(deployment: Deployment) -> Any:
    """Whether a deployment is of the card, release and layout that were measured; an array of it side by side."""
    calibration, layout, engine = deployment.calibration, deployment.layout, deployment.engine
    if calibration is None or not calibration.is_of_release(engine):
        return False
    measured = (layout.tensor == calibration.tensor_parallel) & (layout.pipeline == calibration.pipeline_parallel)
    if not engine.beside:
        return measured & calibration.is_of(engine.device)
    import numpy

    return measured & numpy.array([calibration.is_of(one.device) for one in engine.beside])


def calibrated(need: Ledger, offsets: Mapping[str, int], measured: Any) -> Ledger:
    """A ledger with what was measured added to its parts where it was; what is not there at all stays so."""
    changed: dict[str, Any] = {}
    for part, offset in offsets.items():
        if part == "weights":
            loaded = larger(-need.weights, need.loaded + offset)
            changed["loaded"] = choose(measured, loaded, need.loaded)
            continue
        value = getattr(need, part)
        there = measured & (value != 0) if part.startswith("graphs") else measured
        changed[part] = choose(there, larger(0, whole_near(value) + offset), value)
    return replace(need, **changed)


def spread_at(deployment: Deployment, place: Place) -> Spread:
    """The ranges of what is estimated, narrow where a log measured it."""
    spread, offsets = deployment.engine.spread(place), offsets_of(deployment)
    if not offsets or deployment.calibration is None:
        return spread
    narrow = {part: _narrow(getattr(spread, part)) for part in Spread.PARTS if part in offsets}
    return replace(spread, evidence=f"{spread.evidence}; {deployment.calibration.said}", **narrow)


def _narrow(wide: Range) -> Range:
    return Range(
        low_bytes=wide.low_bytes * _NARROWED - _LEAST_BYTES,
        high_bytes=wide.high_bytes * _NARROWED + _LEAST_BYTES,
        low_share=wide.low_share * _NARROWED,
        high_share=wide.high_share * _NARROWED,
    )


def calibration_note(calibration: Calibration) -> Note:
    """What a calibration corrects, and where."""
    of_model = [part for part in calibration.parts if part in _OF_MODEL]
    others = [part.replace("_", " ") for part in calibration.parts if part not in _OF_MODEL]
    said = [", ".join(others)] if others else []
    if of_model and calibration.model:
        said.append(f"{' and '.join(of_model)} of {calibration.model} in {calibration.precision}")
    card = calibration.hardware or f"a device of {calibration.total_bytes / 2**30:.2f} GiB"
    layout = f"tensor_parallel {calibration.tensor_parallel} and pipeline_parallel {calibration.pipeline_parallel}"
    said_in_all = f"Corrected by {calibration.said}, on {card} at {layout} alone: {', and '.join(said)}."
    return Note(subject="calibration", text=said_in_all, origin="override")
