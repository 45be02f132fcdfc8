"""Configs with faults, answered: each is a finite answer or an error of the package, within a bounded time.

`python benchmarks/mutate_configs.py [--count 10000] [--seed 1] [--seconds 2]` takes the catalogue's configs and bare
ones of the families that it lacks, changes one to four values anywhere in each, asks for its memory and its speed, and
prints every change that came to anything else. `--more FILE` adds a JSON list of configs.
"""

import argparse
import contextlib
import copy
import gc
import json
import math
import random
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from llm_memory_calculator import calculate_memory, estimate_performance
from llm_memory_calculator.architectures import families
from llm_memory_calculator.errors import CalculatorError
from llm_memory_calculator.sentences import text_of
from llm_memory_calculator.sources import catalogue_entries
from llm_memory_server.answers import json_values

DEEP: list[Any] = []
for _ in range(900):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 64, 10**7, 10**8, 2**31, 2**63, 10**400, -(10**400)),
    *(0.0, -0.0, 0.5, 1.5, -2.5, 4.0, 1e-300, 1e8, 1e300, math.nan, math.inf, -math.inf),
    *("", "auto", "7", "1e5", "~\0", "\n", "full_attention", "bfloat16", "llama", "x" * 100_000, "(((((", "(a+)+" * 50),
    *([], {}, [0], [1], [-1], [2, 3], [None], ["a"], [[]], [{}], [[1, 2], [3]], [1e300], [math.nan], {"a": 1}),
    *([1] * 100_000, list(range(2_000)), ["full_attention"] * 3, {str(one): 1 for one in range(5_000)}, DEEP),
)
"""What stands in place of a value: other types, other signs, what is too large, too long, too deep."""
Slot = tuple[Any, Any]
"""A dict or a list, and a key of it."""
LONGEST = 2_000
"""Characters of an error."""


class Fault(NamedTuple):
    """What a config came to that is neither a finite answer nor an error of the package."""

    number: int
    model: str
    changes: str
    what: str


def seeds() -> list[dict[str, Any]]:
    """The catalogue's configs, the smallest of each family, and what says no more than one of the other families."""
    smallest: dict[str, tuple[int, str]] = {}
    for name, entry in catalogue_entries().items():
        kind = _kind(entry["config"])
        smallest[kind] = min(smallest.get(kind, (entry["parameters"], name)), (entry["parameters"], name))
    known = {kind.replace("-", "_").lower() for kind in smallest}
    bare = [{"model_type": family} for family in families() if family.lower() not in known]
    found = [catalogue_entries()[name]["config"] for _, name in sorted(smallest.values())]
    # a bare config has no more than its defaults: some of the usual fields beside it reach further
    usual = next(one for one in found if one.get("model_type") == "llama")
    return [*found, *bare, *({**usual, **one} for one in bare)]


def mutated(config: Mapping[str, Any], others: list[dict[str, Any]], draw: random.Random) -> tuple[Any, str]:
    """A copy with one to four faults, and what they are."""
    copied: Any = copy.deepcopy(dict(config))
    done = []
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        slots = list(_slots(copied))
        if slots:
            # what is nested too deeply to be copied stays where it is
            with contextlib.suppress(RecursionError):
                done.append(draw.choice(_CHANGES)(copied, slots, others, draw))
    return copied, "; ".join(done)


def fault_of(config: Any, seconds: float, **more: Any) -> str:
    """What is wrong with what a config comes to, or nothing."""
    found: tuple[tuple[Callable[..., Any], dict[str, Any]], ...] = (
        (calculate_memory, {"seq_length": 1024}),
        (estimate_performance, {"hardware": "H100", "input_tokens": 512, "output_tokens": 32}),
    )
    for ask, asked in found:
        if wrong := wrong_with(partial(ask, config, **asked, **more), seconds):
            return f"{ask.__name__}: {wrong}"
    return ""


def wrong_with(ask: Callable[[], Any], seconds: float, untold: re.Pattern[str] | None = None) -> str:
    """What is wrong with what a question comes to, or nothing; `untold`: what no answer and no error may say."""
    # what many models that are remembered leave to collect is no time of this question
    gc.disable()
    start = time.process_time()
    said = ""
    try:
        report = ask()
    except CalculatorError as error:
        said = str(error)
        sound = said.strip() and "\n" not in said and len(said) <= LONGEST
        wrong = "" if sound else f"an error of {len(said):,} characters, of more lines or none: {said[:200]!r}"
    except BaseException as error:  # noqa: BLE001 -- what else comes is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        wrong = f"{type(error).__name__}: {str(error)[:100]} at {Path(last.filename).name}:{last.lineno}"
    else:
        wrong = _unsound(report)
        if untold is not None:
            said = f"{text_of(report)} {json.dumps(json_values(report), ensure_ascii=False)}"
    took = time.process_time() - start
    gc.enable()
    if not wrong and untold is not None and (told := untold.search(said)):
        wrong = f"says {said[max(0, told.start() - 100) : told.end() + 20]!r}"
    return wrong or (f"took {took:.1f} s" if took > seconds else "")


def faults(count: int, seed: int, seconds: float, more: list[dict[str, Any]]) -> Iterator[Fault]:
    """What `count` mutated configs came to that they may not."""
    known = [*seeds(), *more]
    for number in range(count):
        draw = random.Random(f"{seed}:{number}")
        config = known[number % len(known)]
        changed, what = mutated(config, known, draw)
        if wrong := fault_of(changed, seconds):
            yield Fault(number, _kind(config), what, wrong)


def _kind(config: Mapping[str, Any]) -> str:
    return str(config.get("model_type", config.get("_class_name", "?")))


def _slots(value: Any, depth: int = 0) -> Iterator[Slot]:
    """Every place of a config that holds a value; of a long list its first."""
    if depth > 6 or not isinstance(value, (dict, list)):
        return
    keys = list(value) if isinstance(value, dict) else range(min(len(value), 4))
    for key in keys:
        yield value, key
        yield from _slots(value[key], depth + 1)


def _replaced(_config: Any, slots: list[Slot], _others: Any, draw: random.Random) -> str:
    holder, key = draw.choice(slots)
    holder[key] = copy.deepcopy(value) if (value := draw.choice(VALUES)) is not DEEP else value
    return f"{key} = {_short(value)}"


def _scaled(_config: Any, slots: list[Slot], _others: Any, draw: random.Random) -> str:
    numbers = [(holder, key) for holder, key in slots if type(holder[key]) in (int, float) and abs(holder[key]) < 1e100]
    if not numbers:
        return ""
    holder, key = draw.choice(numbers)
    by = draw.choice((2, 3, 0.5, 1000, 10**6, -1, 0, 1.0001))
    holder[key] *= by
    if draw.random() < 0.7 and math.isfinite(holder[key]):
        holder[key] = int(holder[key])
    return f"{key} x {by}"


def _nudged(_config: Any, slots: list[Slot], _others: Any, draw: random.Random) -> str:
    """Another value of the same kind."""
    holder, key = draw.choice(slots)
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, (int, float)) and abs(value) < 1e100:
        holder[key] = draw.choice((0, 1, 2, 3, 5, 8, 100, 1_000, value + 1, value - 1, value // 2, 2 * value, value**2))
    elif value is None:
        holder[key] = draw.choice((0, 1, 2, 64, True, "auto", [1, 2], {"a": 1}))
    elif isinstance(value, list) and value:
        holder[key] = draw.choice((value[:-1], value * 2, value[::-1], [value[0]] * len(value), value[0]))
    return f"{key} = {_short(holder[key])}"


def _removed(_config: Any, slots: list[Slot], _others: Any, draw: random.Random) -> str:
    holder, key = draw.choice(slots)
    if isinstance(holder, list):
        holder[:] = holder[: draw.randrange(len(holder))]
        return "a list cut short"
    del holder[key]
    return f"no {key}"


def _swapped(_config: Any, slots: list[Slot], _others: Any, draw: random.Random) -> str:
    (one, key), (other, second) = draw.choice(slots), draw.choice(slots)
    # not into itself
    one[key], other[second] = copy.deepcopy(other[second]), copy.deepcopy(one[key])
    return f"{key} and {second} changed places"


def _grafted(config: Any, _slots: Any, others: list[dict[str, Any]], draw: random.Random) -> str:
    """Fields of another model in this one."""
    other = draw.choice(others)
    taken = draw.sample(sorted(other), min(len(other), draw.choice((1, 2, 5))))
    config.update({key: copy.deepcopy(other[key]) for key in taken})
    return f"{', '.join(taken)} of {_kind(other)}"


def _renamed(config: Any, _slots: Any, others: list[dict[str, Any]], draw: random.Random) -> str:
    other = draw.choice(others)
    for field in ("model_type", "_class_name", "architectures"):
        config.pop(field, None)
        if field in other:
            config[field] = copy.deepcopy(other[field])
    return f"named as {_kind(other)}"


_CHANGES: tuple[Callable[[Any, list[Slot], Any, random.Random], str], ...] = (
    *(_replaced, _replaced, _replaced, _nudged, _nudged, _nudged, _scaled, _scaled, _removed, _swapped, _grafted),
    _renamed,
)


def _unsound(report: object) -> str:
    """What number of a report cannot be."""
    for path, value in _numbers(report, ""):
        if not math.isfinite(value) or (value < 0 and not _may_be_negative(path)):
            return f"{path} is {value}"
    total = getattr(report, "total_memory_bytes", getattr(report, "end_to_end_ms", 1))
    return "" if total > 0 else f"a total of {total}"


_SIGNED = (
    "spare",
    "margin",
    "headroom",
    "residual",
    "measured",
    "estimated",
    ".rows.interval",
    ".settings.",
    "calibration",
    "room_bytes",
)
"""A room that is not there is negative, and so are differences and what a log says."""


def _may_be_negative(path: str) -> bool:
    return any(word in path for word in _SIGNED)


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _numbers(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _numbers(one, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _numbers(one, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


def _short(value: Any) -> str:
    if value is DEEP:
        return "[[[…"
    text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else "a long number"
    return text if len(text) < 40 else f"{text[:40]}…"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--more", type=Path)
    asked = parser.parse_args()
    more = json.loads(asked.more.read_text(encoding="utf-8")) if asked.more else []
    kinds: Counter[str] = Counter()
    for fault in faults(asked.count, asked.seed, asked.seconds, more):
        print(f"{fault.number} {fault.model}: {fault.changes}\n    {fault.what}", flush=True)
        kinds[fault.what.rpartition(" at ")[2]] += 1
    print(f"{asked.count:,} configs, {sum(kinds.values()):,} faults")
    for what, times in kinds.most_common():
        print(f"{times:6} {what}")


if __name__ == "__main__":
    main()
