"""Random plans: what the steady state expects of each against what the simulation of its events says.

`python benchmarks/steady_state.py [--plans 200] [--seed 1]` asks random questions of `plan_deployment` until so many
plans came back, and prints of each time and kind of load how far the two are apart, and by percentile the events over
the steady state. (2.3 % of a token and 4.5 % of the first one where requests come by chance, over 137 plans; 5.5 % of a
token for users. Of the first token of users, who all begin at once, the steady state knows little.)
"""

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from llm_memory_calculator import plan_deployment, search
from llm_memory_calculator.search.finalists import Planned

MODELS = (
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-30B-A3B",
    "meta-llama/Llama-3.1-70B",
    "google/gemma-3-27b-it",
    "Qwen/Qwen2.5-32B",
)
HARDWARE = ("H100", "H200", "B200", "A100 80GB", "L40S", "MI300X", "RTX 4090", "L4")
PERCENTILES = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Pair:
    """A plan's times by events over those that the steady state expects."""

    percentile: str
    users: bool
    first: float
    each: float


def questions(seed: int, percentiles: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Random questions of plan_deployment."""
    draw = random.Random(seed)
    while True:
        tokens, output = draw.choice([300, 1000, 2000, 6000]), draw.choice([50, 200, 500])
        spread = draw.random() < 0.5
        load = (
            {"request_rate": draw.choice([0.5, 2, 8])}
            if draw.random() < 0.75
            else {"concurrency": draw.choice([8, 64])}
        )
        yield load | {
            "model": draw.choice(MODELS),
            "hardware": draw.sample(HARDWARE, 3),
            "input_tokens": {"p50": tokens, "p95": 3 * tokens} if spread else tokens,
            "output_tokens": {"p50": output, "p95": 3 * output} if spread else output,
            "ttft_target_ms": draw.choice([1000, 3000, 10000]),
            "tpot_target_ms": draw.choice([30, 60, 100]),
            "percentile": draw.choice(percentiles),
        }


def pairs(seed: int, plans: int, percentiles: tuple[str, ...] = PERCENTILES) -> list[Pair]:
    """So many plans of random questions."""
    found: list[Pair] = []
    asked = search.plans

    def recorded(*given: Any) -> Any:
        answer = asked(*given)
        found.extend(pair for one, _ in answer.plans if (pair := pair_of(one)) is not None)
        return answer

    search.plans = recorded  # the reports have no room for what was only expected
    try:
        for question in questions(seed, percentiles):
            if len(found) >= plans:
                return found[:plans]
            plan_deployment(question.pop("model"), **question)
    finally:
        search.plans = asked
    raise AssertionError("questions have no end")


def pair_of(one: Planned) -> Pair | None:
    met, targets = one.candidate.met(one.known.count), one.candidate.targets
    if met is None or one.tpot is None:
        return None
    return Pair(
        targets.percentile.removesuffix("_ms"), targets.users is not None, one.ttft / met.first, one.tpot / met.each
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    means = pairs(given.seed, given.plans, ("mean",))
    print(f"{given.plans} plans for means: events over steady state")
    for name, users in (("by chance", False), ("users", True)):
        some = [one for one in means if one.users == users]
        for what in ("each", "first"):
            ratios = [getattr(one, what) for one in some]
            apart = median(abs(ratio - 1) for ratio in ratios)
            low, *_, high = quantiles(ratios, n=20)
            print(
                f"  {name:10} {what:6} {len(some):4} plans: {apart:6.1%} at the median; 5 to 95% {low:.2f} {high:.2f}"
            )
    both = [abs(one.each - 1) for one in means] + [abs(one.first - 1) for one in means]
    print(f"  all times: {median(both):.1%} apart at the median; tokens {median(both[: len(means)]):.1%}")
    print(f"{given.plans} plans for percentiles: median of events over steady state")
    others = pairs(given.seed + 1, given.plans, PERCENTILES[1:])
    for percentile in PERCENTILES[1:]:
        for name, users in (("by chance", False), ("users", True)):
            some = [one for one in others if (one.percentile, one.users) == (percentile, users)]
            if some:
                first, each = median(one.first for one in some), median(one.each for one in some)
                print(f"  {percentile} {name:10} {len(some):4} plans: first {first:.2f}, each {each:.2f}")


if __name__ == "__main__":
    main()
