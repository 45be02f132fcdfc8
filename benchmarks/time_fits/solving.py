"""What all stages share: robust fits of logarithms, what is left out together, errors and constants in print."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Array = NDArray[np.float64]
Constants = dict[str, float]
SHARES = 5
"""Into so many shares groups are dealt where one of these is left out at a time."""


class Prior(NamedTuple):
    """What is known of a constant before any row of the fit."""

    centre: float
    deviation: float
    """Of its logarithm."""
    most: float = math.inf
    least: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Errors that are to be made small, outliers counting less."""

    errors: Callable[[Constants], Array]
    """Of constants, the logarithms of estimated over measured times."""
    priors: Mapping[str, Prior]
    usual: float | Array
    """An error that is usual, in logs; of each row or of all."""
    weight: float | Array = 1.0

    def solved(self, *, start: Constants | None = None, turns: int = 20, step: float | None = None) -> Constants:
        """The constants. turns: evaluations with a derivative each, at the most. step: of the derivatives."""
        if not self.priors:
            return {}

        def residuals(logs: Array) -> Array:
            return np.concatenate(
                [self._weighed(self.errors(self._told(logs))), (logs - self._centre) / self._deviation]
            )

        begin = self._within(self._logs(start or {}))
        found = least_squares(
            residuals, begin, bounds=(self._least, self._most), max_nfev=turns, diff_step=step, xtol=1e-4, ftol=1e-4
        )
        return self._told(found.x)

    def derivative(self, at: Constants, step: float = 0.02) -> Array:
        """Of each error by the logarithm of each constant."""
        logs, here = self._logs(at), self.errors(at)
        columns = []
        for number in range(len(logs)):
            moved = logs.copy()
            # downwards, so that no share passes 1
            moved[number] -= step
            columns.append((here - self.errors(self._told(moved))) / step)
        return np.array(columns).T

    def without(self, out: Sequence[int], at: Constants, derivative: Array, turns: int = 4) -> Constants:
        """The constants where some rows are left out: from those of all rows by steps of Gauss and Newton, with errors
        of their own and the derivative of all rows, each halved until what is kept fits better.
        """
        logs, chosen = self._logs(at), np.ones(len(derivative), dtype=bool)
        chosen[list(out)] = False
        usual, weight = (np.broadcast_to(one, len(derivative))[chosen] for one in (self.usual, self.weight))

        def seen(logs: Array) -> tuple[Array, float]:
            errors = self.errors(self._told(logs))[chosen] / usual
            pulled = (logs - self._centre) / self._deviation
            return errors, float(np.sum((_soft(errors) * weight) ** 2) + np.sum(pulled**2))

        errors, cost = seen(logs)
        for _ in range(turns):
            softened = _soft(errors)
            flat = np.abs(errors) < 1e-6
            slope = np.where(flat, 1.0, errors / np.sqrt(1 + errors**2) / np.where(flat, 1.0, softened))
            rows = (slope * weight / usual)[:, None] * derivative[chosen]
            curved = rows.T @ rows + np.diag(self._deviation**-2.0)
            pull = (logs - self._centre) / self._deviation**2
            move = np.clip(np.linalg.solve(curved, rows.T @ (softened * weight) + pull), -0.5, 0.5)
            for part in (1.0, 0.5, 0.25):
                tried = self._within(logs - part * move)
                found, less = seen(tried)
                if less < cost:
                    logs, errors, cost = tried, found, less
                    break
            else:
                break
        return self._told(logs)

    def _weighed(self, errors: Array) -> Array:
        weighed: Array = _soft(errors / self.usual) * self.weight
        return weighed

    def _told(self, logs: Array) -> Constants:
        return dict(zip(self.priors, np.exp(logs).tolist(), strict=True))

    def _logs(self, constants: Mapping[str, float]) -> Array:
        return np.log([constants.get(name, prior.centre) for name, prior in self.priors.items()])

    def _within(self, logs: Array) -> Array:
        return np.clip(logs, self._least + 1e-6, self._most - 1e-6)

    @property
    def _centre(self) -> Array:
        return np.log([prior.centre for prior in self.priors.values()])

    @property
    def _most(self) -> Array:
        return np.log([prior.most for prior in self.priors.values()])

    @property
    def _least(self) -> Array:
        return np.array([math.log(prior.least) if prior.least else -math.inf for prior in self.priors.values()])

    @property
    def _deviation(self) -> Array:
        return np.array([prior.deviation for prior in self.priors.values()])


def _soft(errors: Array) -> Array:
    """Errors whose square grows like their size where they are large."""
    softened: Array = np.sign(errors) * np.sqrt(2 * (np.sqrt(1 + errors**2) - 1))
    return softened


def share_of(name: str, shares: int = SHARES) -> str:
    """The share that a group is in, by its name alone: the same on every machine."""
    return f"share {zlib.crc32(name.encode()) % shares}"


def folds(names: Sequence[str], shares: int | None = None) -> dict[str, list[int]]:
    """Numbers of what is left out together: those of one name, or of all names that are dealt to one share."""
    found: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        found.setdefault(name if shares is None else share_of(name, shares), []).append(number)
    return found


def mean_of(some: Iterable[Mapping[str, float]]) -> Constants:
    """Constants in the middle of several, each a mean of logarithms."""
    given = list(some)
    return {name: math.exp(float(np.mean([math.log(one[name]) for one in given]))) for name in given[0]}


def error_line(name: str, ratio: Array) -> str:
    """Measured over estimated in words: how many, errors in per cent (mean and median), bias, 10 and 90 % quantiles."""
    ratio = ratio[np.isfinite(ratio)]
    if not len(ratio):
        return f"  {name:26s}     none"
    error = 100 * np.abs(1 / ratio - 1)
    low, high = np.quantile(ratio, (0.1, 0.9))
    bias = math.exp(float(np.mean(np.log(ratio))))
    return (
        f"  {name:26s} {len(ratio):6d}  {error.mean():5.1f} / {np.median(error):4.1f}   {bias:.2f} "
        f"[{low:.2f}, {high:.2f}]"
    )


def show_errors(title: str, by: Mapping[str, Sequence[Array]]) -> None:
    """One line for each name, over all arrays of measured over estimated under it."""
    print(f"\n{title}: rows, error mean / median in per cent, measured over estimated [10 %, 90 %]")
    for name, ratios in by.items():
        print(error_line(name, np.concatenate(ratios)), flush=True)


def told(value: float) -> str:
    """Three digits, as the tables have them."""
    return f"{value:.3g}"


def beside(found: Mapping[str, float], before: Mapping[str, float]) -> str:
    """Constants as a row of a table, each with what the table has in brackets."""
    cells = (
        f"{name} {told(value)}" + (f" ({told(before[name])})" if name in before else " (-)")
        for name, value in found.items()
    )
    return ", ".join(cells)


def inline(found: Mapping[str, float]) -> str:
    """The same ready for a table."""
    cells = (f"{name if _BARE.fullmatch(name) else repr(name)} = {told(value)}" for name, value in found.items())
    return "{ " + ", ".join(cells) + " }"


_BARE = re.compile(r"[\w.-]+")


def show_constants(title: str, found: Mapping[str, float], before: Mapping[str, float]) -> None:
    """Constants beside those of the table, and ready for it."""
    print(f"\n{title}: {beside(found, before) or 'nothing is fitted'}")
    if found:
        print(f"  {inline(found)}", flush=True)
