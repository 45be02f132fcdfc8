"""What a device costs an hour: the cheapest of the public list prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .accelerator import Accelerator, Price
from .catalogue import find_accelerator
from .errors import InvalidHardwareError

__all__ = ["get_best_rate"]

Rate = tuple[float, str, str]


def get_best_rate(
    cost_or_accelerator: str | Accelerator | Mapping[str, Any] | Iterable[Price],
    allow_spot: bool = True,
    preferred_provider: str | None = None,
) -> Rate | None:
    """(US dollars for one device and hour, provider, tier) of the lowest price; None when no price is known.

    ``cost_or_accelerator``: an accelerator or its name, prices, or the original's dict of costs
    (``{"AWS": {"on_demand": 3.9, "spot": 1.6}, "Lambda": 2.5}``, a number alone being on demand). Without
    ``allow_spot`` only on_demand is considered. ``preferred_provider``: the lowest of this provider, where it has a
    price; else of all, as the answer says.
    """
    rates = list(_rates(cost_or_accelerator))
    if not allow_spot:
        rates = [rate for rate in rates if rate[2] == "on_demand"]
    if preferred_provider is not None:
        if not isinstance(preferred_provider, str):
            raise InvalidHardwareError(f"preferred_provider is {preferred_provider!r}; accepted is a provider's name.")
        wanted = preferred_provider.strip().lower()
        rates = [rate for rate in rates if rate[1].lower() == wanted] or rates
    return min(rates, default=None)


def _rates(given: str | Accelerator | Mapping[str, Any] | Iterable[Price]) -> Iterator[Rate]:
    if isinstance(given, str | Accelerator):
        given = find_accelerator(given).prices
    if isinstance(given, Mapping):
        for provider, tiers in given.items():
            for tier, rate in tiers.items() if isinstance(tiers, Mapping) else (("on_demand", tiers),):
                yield _dollars(provider, tier, rate), str(provider), str(tier)
        return
    for price in given:
        if not isinstance(price, Price):
            raise InvalidHardwareError(
                f"A cost must be an accelerator, its name, a dict of providers or a list of Price, not {given!r:.80}."
            )
        yield price.usd_per_device_hour, price.provider, price.tier


def _dollars(provider: object, tier: object, rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e6:
        raise InvalidHardwareError(
            f"The cost of {provider!r} ({tier}) is {rate!r}; accepted is a number of US dollars an hour above 0."
        )
    return float(rate)
