"""What a device costs an hour: the cheapest of the public list prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .accelerator import Accelerator
from .catalogue import find_accelerator
from .errors import InvalidHardwareError, nearest, shown
from .facts import Price
from .names import comparable, instance_key

__all__ = ["PROVIDERS", "get_best_rate"]

Rate = tuple[float, str, str]

PROVIDERS: Final = (
    "AWS",
    "Azure",
    "CoreWeave",
    "Crusoe",
    "DigitalOcean",
    "Google Cloud",
    "Lambda",
    "Oracle Cloud",
    "RunPod",
    "TensorWave",
    "Vast.ai",
    "Vultr",
)
"""The providers of the catalogue's prices, each in its one spelling."""

_ALSO: Final = {
    "amazon": "AWS",
    "amazonwebservices": "AWS",
    "ec2": "AWS",
    "microsoft": "Azure",
    "microsoftazure": "Azure",
    "gcp": "Google Cloud",
    "google": "Google Cloud",
    "googlecloudplatform": "Google Cloud",
    "lambdalabs": "Lambda",
    "lambdacloud": "Lambda",
    "oci": "Oracle Cloud",
    "oracle": "Oracle Cloud",
    "oraclecloudinfrastructure": "Oracle Cloud",
    "vast": "Vast.ai",
}


def get_best_rate(
    cost_or_accelerator: str | Accelerator | Mapping[str, Any] | Iterable[Price],
    allow_spot: bool = True,
    preferred_provider: str | None = None,
) -> Rate | None:
    """(US dollars for one device and hour, provider, tier) of the lowest price; None when no price is known.

    ``cost_or_accelerator``: an accelerator or its name, prices, or the original's dict of costs
    (``{"AWS": {"on_demand": 3.9, "spot": 1.6}, "Lambda": 2.5}``, a number alone being on demand). A cloud instance
    type has its own prices where any are listed. A price that leaves out the machine around the devices counts only
    where there is no other. Without ``allow_spot`` only on_demand is considered. ``preferred_provider``: the lowest of
    this provider (``GCP`` and ``Google`` are Google Cloud), where it has a price; else of all, as the answer says.
    Raises InvalidHardwareError for a provider that is not known.
    """
    if not isinstance(allow_spot, bool):
        raise InvalidHardwareError(f"allow_spot is {shown(allow_spot)}; accepted are True and False.")
    rates = list(_rates(cost_or_accelerator))
    wanted = None if preferred_provider is None else _provider(preferred_provider, [rate[1] for rate in rates])
    if not allow_spot:
        rates = [rate for rate in rates if rate[2] == "on_demand"]
    return min([rate for rate in rates if rate[1] == wanted] or rates, default=None)


def _provider(name: object, priced: Iterable[str]) -> str:
    """The one spelling of a provider, of the catalogue or of the prices given."""
    known = {_plain(provider): provider for provider in (*PROVIDERS, *priced)}
    if isinstance(name, str):
        found = known.get(_plain(name)) or _ALSO.get(_plain(name))
        if found is not None:
            # prices given by the caller may spell it in their own way
            return next((provider for provider in priced if _same(provider, found)), found)
    near = nearest(name, known.values(), 1) if isinstance(name, str) else []
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise InvalidHardwareError(
        f"preferred_provider is {shown(name)}; accepted are {', '.join(dict.fromkeys(known.values()))}.{meant}"
    )


def _same(provider: str, found: str) -> bool:
    return _ALSO.get(_plain(provider), provider) == found


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _rates(given: str | Accelerator | Mapping[str, Any] | Iterable[Price]) -> Iterator[Rate]:
    if isinstance(given, str):
        prices = find_accelerator(given).prices
        key = instance_key(comparable(given))
        given = [
            price for price in prices if price.instance and instance_key(comparable(price.instance)) == key
        ] or prices
    elif isinstance(given, Accelerator):
        given = given.prices
    if isinstance(given, Mapping):
        for provider, tiers in given.items():
            for tier, rate in tiers.items() if isinstance(tiers, Mapping) else (("on_demand", tiers),):
                yield _dollars(provider, tier, rate), str(provider), str(tier)
        return
    prices = tuple(given) if isinstance(given, Iterable) else (given,)
    for price in prices:
        if not isinstance(price, Price):
            raise InvalidHardwareError(
                f"A cost must be an accelerator, its name, a dict of providers or a list of Price, not {shown(price)}."
            )
    for price in [price for price in prices if not price.without_host] or prices:
        yield price.usd_per_device_hour, price.provider, price.tier


def _dollars(provider: object, tier: object, rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1e6:
        raise InvalidHardwareError(
            f"The cost of {provider!r} ({tier}) is {shown(rate)}; accepted is a number of US dollars an hour above 0."
        )
    return float(rate)
