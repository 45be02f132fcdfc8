"""What a user's measured runs say of times: factors on estimates of an engine on an accelerator, and their ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..checks import choice, names, real, text, whole
from ..engines import ENGINES
from ..errors import ArgumentError
from ..report import Note
from ..units import larger
from .machine import Range
from .spent import Spent

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..models import Model
    from ..units import Quantity

Time = Literal["ttft", "tpot", "e2e"]
TIMES: tuple[Time, ...] = ("ttft", "tpot", "e2e")
FEWEST = 5
"""Rows from which on the range is what they are spread by; a judgement."""
# What repeats of one run differ by at least: an assumption, so that rows that agree leave a range.
_LEAST_SPREAD = 0.03
# The normal's 90 % quantile: between it and its negative lie 80 %.
_QUANTILE = 1.2816
_MOST_ROWS, _MOST_FACTOR = 10**9, 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFactor:
    """Measured over estimated of one time, of one engine on one accelerator."""

    time: str
    """ttft (time to first token), tpot (time per output token) or e2e (the whole answer)."""
    engine: str
    """The engine that was estimated."""
    hardware: str
    """The accelerator's name in the catalogue."""
    n: int
    """Rows that measured it."""
    factor: float
    """What an estimate is to be multiplied by: the median of measured over estimated, drawn to 1 where rows are few."""
    spread: float | None
    """Geometric standard deviation of measured over estimated x factor; null where there is one row."""
    models: tuple[str, ...]
    """The models that were measured, as the rows name them."""

    def is_of(self, model: Model) -> bool:
        """Whether the rows are of this model."""
        return not {model.name.lower(), model.asked.lower()}.isdisjoint(map(str.lower, self.models))

    def __str__(self) -> str:
        return f"{self.time.upper() if self.time != 'e2e' else 'the whole time'} x {self.factor:.3g} ({_rows(self.n)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCalibration:
    """Factors on times that a user's measured rows say: what estimates take as `calibration`."""

    kind: str = ""
    """What the rows measure, as their columns tell."""
    rows: int = 0
    """Rows that were given."""
    answered: int = 0
    """Rows that the factors are of."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Rows that were left out, by the reason."""
    factors: tuple[TimeFactor, ...]
    """By time, engine and accelerator."""

    def as_mapping(self) -> dict[str, Any]:
        """As its file holds it."""
        return asdict(self)

    def of(self, engine: str, hardware: str, time: Time) -> TimeFactor | None:
        """That of a time, or else of the whole, which is all that some rows measured; of the whole that of TPOT, which
        is most of it."""
        wanted = (time, "tpot" if time == "e2e" else "e2e")
        found = {one.time: one for one in self.factors if (one.engine, one.hardware) == (engine, hardware)}
        return next((found[word] for word in wanted if word in found), None)

    def engine_on(self, hardware: str | None) -> str | None:
        """The engine of the rows, where they are of one alone."""
        engines = {one.engine for one in self.factors if hardware in (None, one.hardware)}
        return engines.pop() if len(engines) == 1 else None


def time_calibration_of(stated: Mapping[str, Any]) -> TimeCalibration:
    """The calibration that an object states, as `calibrate` gives it. Raises ArgumentError."""
    _require_fields("calibration", stated, TimeCalibration, {"factors"})
    factors = stated["factors"]
    if not isinstance(factors, (list, tuple)) or not factors:
        raise ArgumentError("calibration's factors must be a list of one or more, as calibrate gives it.")
    return TimeCalibration(
        kind=text("calibration's kind", stated.get("kind", "")),
        rows=whole("calibration's rows", stated.get("rows", 0), least=0, most=_MOST_ROWS),
        answered=whole("calibration's answered", stated.get("answered", 0), least=0, most=_MOST_ROWS),
        refused=_refused(stated.get("refused", {})),
        factors=tuple(map(_factor_of, factors)),
    )


def _refused(stated: Any) -> dict[str, int]:
    if not isinstance(stated, Mapping):
        raise ArgumentError(
            "calibration's refused must be an object of reasons with their rows, as calibrate gives it."
        )
    name = "calibration's refused"
    return {text(name, reason): whole(name, count, most=_MOST_ROWS) for reason, count in stated.items()}


def _factor_of(stated: Any) -> TimeFactor:
    _require_fields("a factor of calibration", stated, TimeFactor, {"time", "engine", "hardware", "n", "factor"})
    spread = stated.get("spread")
    return TimeFactor(
        time=choice("calibration's time", stated["time"], tuple(TIMES)),
        engine=choice("calibration's engine", stated["engine"], ENGINES),
        hardware=text("calibration's hardware", stated["hardware"]),
        n=whole("calibration's n", stated["n"], most=_MOST_ROWS),
        factor=real("calibration's factor", stated["factor"], above=0, most=_MOST_FACTOR),
        spread=None if spread is None else real("calibration's spread", spread, above=0, most=_MOST_FACTOR),
        models=_names(stated.get("models", ())),
    )


def _names(stated: Any) -> tuple[str, ...]:
    found = names("calibration's models", stated)
    return (found,) if isinstance(found, str) else tuple(found)


def _require_fields(what: str, stated: Any, form: type, needed: set[str]) -> None:
    known = list(form.__annotations__)
    if isinstance(stated, Mapping) and needed <= set(stated) <= set(known):
        return
    raise ArgumentError(f"{what} must be an object of {', '.join(known)}, as calibrate gives it.")


def require_measured(calibration: TimeCalibration, engine: str, hardware: str) -> None:
    """Raise ArgumentError where none of the rows is of this engine on this accelerator."""
    measured = dict.fromkeys((one.engine, one.hardware) for one in calibration.factors)
    if (engine, hardware) not in measured:
        told = ", ".join(f"{name} on {card}" for name, card in measured)
        raise ArgumentError(
            f"calibration has no row of {engine} on {hardware}; it is of {told}: give one of these, or leave "
            "calibration out."
        )


def time_calibration_note(calibration: TimeCalibration, engine: str, hardware: str | None) -> Note:
    """What is corrected, by how much."""
    found = [one for one in calibration.factors if one.engine == engine and hardware in (None, one.hardware)]
    told = "; ".join(f"{one}{'' if hardware else f' on {one.hardware}'}" for one in found)
    models = ", ".join(dict.fromkeys(str(model) for one in found for model in one.models))
    said = f"Calibrated on rows of yours{f' of {models}' if models else ''}"
    where = f"{engine} on {hardware}" if hardware else engine
    return Note(subject="calibration", text=f"{said}, {where}: {told}.", origin="override")


def factor_of(deployment: Deployment, time: Time) -> float:
    """What the estimate of a time is multiplied by; 1 where nothing says."""
    found = _measured(deployment, time)
    return 1.0 if found is None else found.factor


def as_measured(deployment: Deployment, time: Time, spent: Spent, floor: Quantity) -> Spent:
    """A phase's time as calibrated; no less than `floor` of it, which the peak and the bandwidth allow."""
    factor = factor_of(deployment, time)
    if factor == 1:
        return spent
    scale = larger(factor, floor) if factor < 1 else factor
    return Spent(
        seconds={kind: seconds * scale for kind, seconds in spent.seconds.items()},
        total=spent.total * scale,
        compute_s=spent.compute_s * scale,
        memory_s=spent.memory_s * scale,
        launch_s=spent.launch_s * scale,
        flops=spent.flops,
        bytes=spent.bytes,
    )


def range_of(deployment: Deployment, time: Time, plain: Range) -> Range:
    """The range of a calibrated time: what the rows are spread by, where enough of them are of the same model."""
    found = _measured(deployment, time)
    if found is None:
        return plain
    told = f"calibrated on {_rows(found.n)} of yours"
    if found.n < FEWEST or found.spread is None:
        # so few rows may be far from the next: what the estimate was without them stays within reach
        low, high = plain.low * min(1.0, 1 / found.factor), plain.high * max(1.0, 1 / found.factor)
        return plain._replace(low=low, high=high, evidence=f"{plain.evidence}; {told}")
    if not found.is_of(deployment.model):
        return plain._replace(evidence=f"{plain.evidence}; {told}")
    # the next row's: Student's quantile by its first correction, and the factor's own error
    quantile = _QUANTILE * (1 + (_QUANTILE**2 + 1) / (4 * (found.n - 1))) * math.sqrt(1 + 1 / found.n)
    reach = math.exp(quantile * max(_LEAST_SPREAD, abs(math.log(found.spread))))
    return plain._replace(low=1 / reach, high=reach, evidence=told)


def _rows(count: int) -> str:
    return "one row" if count == 1 else f"{count:,} rows"


def _measured(deployment: Deployment, time: Time) -> TimeFactor | None:
    calibration, accelerator = deployment.measured, deployment.accelerator
    if calibration is None or accelerator is None:
        return None
    return calibration.of(deployment.engine.name, accelerator.name, time)
