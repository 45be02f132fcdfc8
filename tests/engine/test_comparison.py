"""Accelerators beside each other: what ranks them, what they cost, what they hold at most, what is said of a miss."""

import random
from typing import Any

import pytest

from llm_memory_calculator import (
    ArgumentError,
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    get_best_rate,
    load_model,
    max_batch_size,
)
from llm_memory_calculator.deployment import Deployment, Load
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.memory.inverse import fewest_devices, longest_context, most_sequences
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.report import HardwareRow
from llm_memory_calculator.search import cells, try_accelerators
from llm_memory_hardware import Accelerator, accelerators_for_serving, find_accelerator, get_accelerator

MODELS = ("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-V2-Lite")
LOAD = Load(sequences=6, tokens=3000, output=200)


def offered(name: str, accelerators: list[Accelerator], devices: int | None) -> list[Deployment]:
    model = load_model(name)
    return [
        Deployment(
            model=model,
            formats=model.formats(None, None),
            engine=engine_for(device=device_of(one)),
            layout=Parallelism(),
            accelerator=one,
            devices=devices,
        )
        for one in accelerators
    ]


def some(count: int, seed: int) -> list[Accelerator]:
    return random.Random(seed).sample(accelerators_for_serving(), count)


# --- what they hold at most, on arrays as alone ---------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("goal", "devices"), [("batch", 1), ("batch", 4), ("context", 4)])
def test_the_most_of_each_is_that_of_its_best_layout_alone(name: str, goal: str, devices: int) -> None:
    for one in try_accelerators(offered(name, some(8, devices), devices), LOAD, goal):
        batch = devices if goal == "batch" else LOAD.sequences
        laid_out = [one.deployment.laid_out(layout) for layout in cells.offer_of(one.deployment, batch).members]
        if goal == "batch":
            expected = max(most_sequences(deployment, LOAD) for deployment in laid_out)
        else:
            expected = max(longest_context(deployment, LOAD).tokens for deployment in laid_out)
        assert one.amount == expected, str(one.deployment)


@pytest.mark.parametrize("name", MODELS)
def test_the_fewest_devices_of_each_are_those_alone(name: str) -> None:
    for one in try_accelerators(offered(name, some(6, 3), None), LOAD, "devices"):
        node = one.accelerator.link_domain
        alone = fewest_devices(one.deployment, LOAD, most=64, node=node)
        assert one.amount == (None if alone is None else alone.layout.devices), str(one.deployment)


def test_the_largest_batch_of_a_card_is_what_max_batch_size_says() -> None:
    (row,) = compare_hardware("llama3.1_8b", "L40S", devices=1, goal="users", input_tokens=3000, output_tokens=96).rows
    assert row.max_batch_size == max_batch_size("llama3.1_8b", "L40S", seq_length=3096).max_batch_size
    assert row.layout is not None
    at_once = estimate_performance(
        "llama3.1_8b", "L40S", devices=1, batch_size=row.max_batch_size, input_tokens=3000, output_tokens=96
    )
    assert row.layout.tpot_ms == pytest.approx(at_once.tpot_ms)


def test_the_load_that_is_said_is_that_of_the_rows() -> None:
    # where the longest context is asked the prompts are the rows' own
    report = compare_hardware("llama3.1_8b", ["L40S", "L4"], devices=1, goal="context", output_tokens=96)
    for row in report.rows:
        assert row.layout is not None
        assert row.input_tokens is not None
        assert row.input_tokens + 96 == row.longest_context
        alone = estimate_performance(
            "llama3.1_8b", row.hardware, devices=1, input_tokens=row.input_tokens, output_tokens=96
        )
        assert row.layout.ttft_ms == pytest.approx(alone.ttft_ms)
    assert "2,048" not in str(report)
    most = compare_hardware("llama3.1_8b", ["L40S", "L4"], devices=1, goal="batch", batch_size=7)
    assert "2,048 tokens in, 256 out, each row at its most sequences" in str(most)
    assert "batch 7" not in str(most)
    assert {row.input_tokens for row in most.rows} == {None}


# --- the order ------------------------------------------------------------------------------------------------------


def low(row: HardwareRow) -> float:
    assert row.output_tokens_per_s_interval is not None
    return row.output_tokens_per_s_interval.low


def estimate(row: HardwareRow) -> float:
    assert row.layout is not None
    return row.layout.output_tokens_per_s


def test_the_worse_end_ranks_and_the_estimate_where_it_is_asked() -> None:
    asked = {"hardware": ["H100", "H200", "MI300X", "MI355X", "B200", "TPU v6e"], "devices": 8, "batch_size": 8}
    by_end = compare_hardware("llama3.1_8b", **asked).rows
    by_estimate = compare_hardware("llama3.1_8b", rank_by="estimate", **asked).rows
    assert [low(row) for row in by_end] == sorted(map(low, by_end), reverse=True)
    assert [estimate(row) for row in by_estimate] == sorted(map(estimate, by_estimate), reverse=True)
    assert [row.hardware for row in by_end] != [row.hardware for row in by_estimate]


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "llama3.1_8b", "hardware": ["B200", "H200", "H100", "L4"], "devices": 1},
        # 2 and 3 overlap, and 1 only with 3, which is known less well
        {"model": "llama3.1_70b", "hardware": ["H100", "A100"], "devices": 8, "batch_size": 16},
    ],
)
def test_rows_are_equal_where_their_ranges_overlap(asked: dict[str, Any]) -> None:
    report = compare_hardware(goal="throughput", **asked)
    ranges = [row.output_tokens_per_s_interval for row in report.rows]
    pairs = set()
    for number, (row, one) in enumerate(zip(report.rows, ranges, strict=True), 1):
        assert one is not None
        met = [at for at, other in enumerate(ranges, 1) if at != number and other and other.high >= one.low]
        met = [at for at in met if (other := ranges[at - 1]) and other.low <= one.high]
        assert list(row.equal) == met, row.hardware
        pairs |= {(min(number, at), max(number, at)) for at in met}
    assert pairs
    said = str(report)
    assert "qual within the evidence" in said
    if asked["devices"] == 8:
        assert pairs == {(1, 3), (2, 3)}
        assert "1-3, 2-3." in said


def test_layouts_are_equal_where_the_ranges_of_what_ranks_them_overlap() -> None:
    report = best_parallelism("llama3.1_8b", "H100", devices=8, batch_size=16)
    rows = (report.best, *report.others)
    for number, row in enumerate(rows, 1):
        one = row.output_tokens_per_s_interval
        assert one is not None
        others = [(at, other.output_tokens_per_s_interval) for at, other in enumerate(rows, 1) if at != number]
        assert row.equal == tuple(at for at, two in others if two and two.low <= one.high and one.low <= two.high)
    # where another is equal to the best, the best is to it
    assert report.best.equal


@pytest.mark.parametrize("goal", ["per_device", "per_watt", "cheapest"])
def test_speed_is_over_devices_watts_or_dollars(goal: str) -> None:
    rows = compare_hardware(
        "llama3.1_70b", ["H100", "L40S", "A100_80GB", "MI300X"], devices=8, batch_size=16, goal=goal
    ).rows
    over = []
    for row in rows:
        accelerator, devices = get_accelerator(row.hardware), row.devices or 0
        rate = get_best_rate(accelerator, allow_spot=False)
        assert accelerator.tdp_w is not None
        assert rate is not None
        of_each = {"per_device": 1.0, "per_watt": accelerator.tdp_w, "cheapest": rate[0]}[goal]
        over.append(low(row) / (devices * of_each))
    assert over == sorted(over, reverse=True)


@pytest.mark.parametrize(
    ("goal", "said"),
    [("per_watt", "output tokens/s a watt"), ("per_dollar", "output tokens a dollar"), ("decode", "decode tokens/s")],
)
def test_what_ranks_is_told_with_its_range(goal: str, said: str) -> None:
    report = compare_hardware("llama3.1_8b", ["H100", "L40S"], devices=2, goal=goal)
    for row in report.rows:
        accelerator, layout, rates = get_accelerator(row.hardware), row.layout, row.output_tokens_per_s_interval
        assert layout is not None
        assert rates is not None
        found, value, devices = row.ranked_by_interval, layout.output_tokens_per_s, row.devices or 0
        assert found is not None
        price, watts = get_best_rate(accelerator, allow_spot=False), accelerator.tdp_w
        assert price is not None
        assert watts is not None
        each = {"per_watt": 1 / (devices * watts), "per_dollar": 3600 / (devices * price[0]), "decode": 1.0}[goal]
        if goal == "decode":
            assert row.decode_tokens_per_s_interval is not None
            value, rates = layout.decode_tokens_per_s, row.decode_tokens_per_s_interval
        assert row.ranked_by == pytest.approx(value * each)
        assert (found.low, found.high) == pytest.approx((rates.low * each, rates.high * each))
        assert f" {said} ({found.low:,.{0 if found.low >= 100 else 3}{'f' if found.low >= 100 else 'g'}}" in str(report)
    # where the rate itself ranks it is told once
    plain = compare_hardware("llama3.1_8b", ["H100", "L40S"], devices=2)
    assert all(row.ranked_by is None for row in plain.rows)


# --- cost, evidence -------------------------------------------------------------------------------------------------


def test_a_million_tokens_cost_what_the_devices_do_while_they_are_made() -> None:
    (row,) = compare_hardware("llama3.1_8b", "H100", devices=2, batch_size=4, input_tokens=1000).rows
    rate, layout = get_best_rate(find_accelerator("H100"), allow_spot=False), row.layout
    assert rate is not None
    assert layout is not None
    hour = rate[0] * layout.devices
    assert row.usd_per_hour == pytest.approx(hour)
    prefill_s, decode_s = 1e6 / (4 * 1000) * layout.ttft_ms / 1e3, 1e6 / 4 * layout.tpot_ms / 1e3
    assert row.usd_per_million_input_tokens == pytest.approx(hour / 3600 * prefill_s)
    assert row.usd_per_million_output_tokens == pytest.approx(hour / 3600 * decode_s)
    assert row.evidence == "measured"


def test_a_card_without_a_price_is_not_ranked_by_it_and_says_so() -> None:
    own = {"name": "mine", "Flops": 300, "Memory_size": 80, "Memory_BW": 2000}
    report = compare_hardware("llama3.1_8b", [own, "H100"], goal="per_dollar")
    assert [row.hardware for row in report.rows] == ["H100_SXM", "mine"]
    assert report.rows[1].usd_per_million_output_tokens is None
    assert report.rows[1].reason is not None
    assert "price is not known" in report.rows[1].reason
    assert report.left_out == "1 have no known on-demand price."


# --- memory that may not do ---


def test_times_say_that_their_memory_is_borderline_as_memory_does() -> None:
    # 141.1 GB of weights in 16 bits on 2 x 80 GB
    held = calculate_memory("llama3.1_70b", hardware="H100", devices=2, seq_length=2304)
    assert held.verdict == "borderline"
    span = held.device_margin_interval
    assert span is not None
    timed = estimate_performance("llama3.1_70b", "H100", devices=2)
    assert timed.memory_spare_range_bytes is not None
    assert timed.memory_spare_range_bytes == pytest.approx((span.low, span.high), abs=2e7)
    assert f"(borderline: {-span.low / 1e9:.1f} GB missing to " in str(timed)
    report = best_parallelism("llama3.1_70b", "H100", devices=2)
    assert report.best.borderline
    assert "borderline memory 93%" in str(report)
    (row,) = compare_hardware("llama3.1_70b", "H100", devices=2).rows
    assert row.layout is not None
    assert row.layout.borderline
    assert "borderline memory" in str(compare_hardware("llama3.1_70b", "H100", devices=2))
    # twice as many leave no doubt
    wide = estimate_performance("llama3.1_70b", "H100", devices=4)
    assert wide.memory_spare_range_bytes is None
    assert "borderline" not in str(compare_hardware("llama3.1_70b", "H100", devices=4))


def test_what_a_sister_s_measurement_stands_for_is_said_beside_the_ranges_own() -> None:
    # timing.toml: kernels of A100_80GB, and 264 whole runs on the card itself
    said = str(estimate_performance("llama3.1_8b", "A100_40GB"))
    assert "Kernels were measured on A100_80GB, a sister of A100_40GB; ranges are of whole runs." in said
    assert "264 static batches of 2024 on A100 40GB" in said


# --- a miss ---------------------------------------------------------------------------------------------------------


def test_where_nothing_fits_it_is_said_how_far_off_and_what_would_do() -> None:
    report = compare_hardware("llama3.1_70b", ["T4", "RTX 4090"], devices=2)
    for row in report.rows:
        assert not row.fits
        # 141 GB of weights on two devices
        assert row.missing_bytes is not None
        shown = get_accelerator(row.hardware).usable_memory_bytes
        assert row.missing_bytes > 141.1e9 / 2 - shown
    asked = [(fit.hardware, fit.devices) for fit in report.would_do[:2]]
    assert asked == [(row.hardware, row.devices_needed) for row in report.rows]
    assert all(fit.devices == 1 and fit.memory_gb > 141 for fit in report.would_do[2:])
    assert "Fewest devices that do: " in str(report)


def test_the_whole_catalogue_is_compared_and_few_rows_are_shown() -> None:
    report = compare_hardware("llama3.1_70b", "all", goal="devices", top=2, batch_size=4)
    assert len(report.rows) == 2
    assert report.compared > 300
    assert report.left_out is not None
    with pytest.raises(ArgumentError, match="goal 'nicest' is not known"):
        compare_hardware("llama3.1_70b", "all", goal="nicest")
