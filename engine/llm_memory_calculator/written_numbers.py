"""Numbers as people and programs write them: 8,192, 32k, 24 GB, 500 ms, 90 %.

A suffix is of the unit that is asked for, or it is no number. What `k` means is the field's own custom: of tokens, 32k
and 128K are context lengths as models have them (max_position_embeddings 32768, 131072), and 10k is ten thousand; K is
1,024 as vLLM reads its own lengths (https://docs.vllm.ai/en/latest/cli/serve.html, --max-model-len); of all else k is a
thousand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Bounded, for it is tried on what anyone typed; no nan, no inf.
_WRITTEN = re.compile(
    r"\s*(?P<dollar>\$)?\s*(?P<number>[+-]?(?:\d{1,3}(?:[,_]\d{3}){1,7}|\d{1,24})(?:\.\d{0,24})?|[+-]?\.\d{1,24})"
    r"(?P<power>[eE][+-]?\d{1,3})?\s*(?P<suffix>[a-zA-Z%/$][a-zA-Z/$ ]{0,23})?\s*"
)
_THOUSANDS = re.compile(r"(?P<by>[kKmM])(?:\s*(?:tokens?|tok))?")
_GIB = 2**30 / 10**9
_DOLLARS = "US dollars an hour"
# as clouds bill: https://aws.amazon.com/premiumsupport/knowledge-center/, 8,760 hours a year and 730 a month
_HOURS_A_YEAR = 8760
_HOURS_A_MONTH = 730
PER_TOKEN = "ms a token"
_MILLISECONDS = {"": 1, "ms": 1, "milliseconds": 1, "s": 1e3, "sec": 1e3, "second": 1e3, "seconds": 1e3, "us": 1e-3}

# By unit, what each suffix multiplies by. Where letters' case tells bits from bytes it counts, elsewhere not.
_SUFFIXES: Mapping[str, Mapping[str, float]] = {
    "": {"": 1, "k": 1e3, "m": 1e6, "gpus": 1, "gpu": 1, "devices": 1, "users": 1, "requests": 1, "x": 1},
    # of an engine's own settings, as vLLM reads them
    "setting": {"": 1, "k": 1e3, "m": 1e6, "K": 1024, "M": 1024**2},
    "share": {"": 1, "%": 0.01, "percent": 0.01},
    "tokens": {"": 1, "tokens": 1, "token": 1, "tok": 1},
    "GB": {
        "": 1,
        "g": 1,
        "gb": 1,
        "gib": _GIB,
        "gi": _GIB,
        "mb": 1e-3,
        "mib": _GIB / 1024,
        "tb": 1e3,
        "tib": _GIB * 1024,
    },
    "s": {"": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e-3, "min": 60, "minutes": 60, "minute": 60}
    | {"h": 3600, "hour": 3600, "hours": 3600},
    "ms": _MILLISECONDS,
    "GB/s": {"": 1, "GB/s": 1, "gb/s": 1, "GBps": 1, "MB/s": 1e-3, "TB/s": 1e3, "Gb/s": 0.125, "Gbps": 0.125}
    | {"Gbit/s": 0.125},
    "requests/s": dict.fromkeys(
        ("", "/s", "/sec", "rps", "qps", "req/s", "requests/s", "requests/second", "requests per second"), 1
    )
    | dict.fromkeys(("per second", "a second", "requests a second"), 1)
    | dict.fromkeys(("/min", "rpm", "req/min", "requests/min", "requests per minute", "per minute", "a minute"), 1 / 60)
    | dict.fromkeys(("/h", "/hour", "req/h", "requests/hour", "requests per hour", "per hour", "an hour"), 1 / 3600)
    | dict.fromkeys(("/day", "requests/day", "requests per day", "per day", "a day"), 1 / 86400),
    "frames/s": {"": 1, "fps": 1, "frames/s": 1},
    _DOLLARS: dict.fromkeys(
        ("", "$", "usd", "/h", "/hr", "/hour", "$/h", "$/hr", "$/hour", "usd/h", "usd/hr", "usd/hour"), 1
    )
    | dict.fromkeys(
        ("per hour", "an hour", "hourly", "usd per hour", "dollars per hour"),
        1,
    )
    | dict.fromkeys(("/day", "$/day", "usd/day", "per day", "a day", "daily"), 1 / 24)
    | dict.fromkeys(("/mo", "/month", "$/month", "usd/month", "per month", "a month", "monthly"), 1 / _HOURS_A_MONTH)
    | dict.fromkeys(("/yr", "/year", "$/year", "usd/year", "per year", "a year"), 1 / _HOURS_A_YEAR),
    PER_TOKEN: _MILLISECONDS
    | dict.fromkeys(("ms/token", "ms/tok", "ms per token", "ms a token"), 1)
    | {"s/token": 1e3},
}
# By unit, what is written the other way round, and what it then divides: 30 tokens/s are 33.3 ms a token.
_RATES: Mapping[str, Mapping[str, float]] = {
    PER_TOKEN: dict.fromkeys(
        ("tokens/s", "token/s", "tok/s", "toks/s", "t/s", "tps", "tokens/sec", "tok/sec", "tokens/second"), 1e3
    )
    | dict.fromkeys(("tokens per second", "tokens a second", "tok per second", "tokens per sec"), 1e3)
}


def number_of(written: str, unit: str = "") -> int | float | None:
    """The number that a text writes, in `unit`; None where it is none. A whole number without a point is an int."""
    found = _WRITTEN.fullmatch(written)
    if found is None or (found["dollar"] and unit != _DOLLARS):
        return None
    digits = found["number"].replace(",", "").replace("_", "") + (found["power"] or "")
    number = float(digits) if set(digits) & set(".eE") else int(digits)
    suffix = (found["suffix"] or "").strip()
    factor: float | None = thousands_of(number, suffix) if unit == "tokens" else None
    if factor is None:
        known = _SUFFIXES.get(unit, _SUFFIXES[""])
        factor = known.get(suffix, known.get(suffix.lower()))
    if factor is None:
        divided = _RATES.get(unit, {}).get(suffix.lower())
        return None if divided is None or not number else divided / number
    scaled = number * factor
    return int(scaled) if isinstance(scaled, float) and isinstance(number, int) and scaled.is_integer() else scaled


def thousands_of(number: float, suffix: str) -> int | None:
    """What k, K, m or M of tokens multiplies by; None where the suffix is none of these."""
    found = _THOUSANDS.fullmatch(suffix)
    if found is None:
        return None
    of_context = number == int(number) and int(number).bit_count() == 1
    each = 1024 if found["by"].isupper() or of_context else 1000
    return each if found["by"] in "kK" else each * each


def converted(written: str, unit: str) -> bool:
    """Whether a text writes a number of this unit by what is to be told to the reader: tokens by a letter that may mean
    1,000 or 1,024, a time by its rate, dollars of another time than an hour.
    """
    found = _WRITTEN.fullmatch(written)
    suffix = "" if found is None else (found["suffix"] or "").strip()
    if unit == "tokens":
        return _THOUSANDS.fullmatch(suffix) is not None
    if unit == _DOLLARS:
        return _SUFFIXES[unit].get(suffix, _SUFFIXES[unit].get(suffix.lower(), 1)) != 1
    return suffix.lower() in _RATES.get(unit, {})
