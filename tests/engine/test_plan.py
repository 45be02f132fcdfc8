"""Plans for a load: what is asked of them, that they are what each alone is, and that nothing is hidden."""

import random
from statistics import median
from typing import Any

import pytest

from llm_memory_calculator import ArgumentError, Plan, estimate_performance, plan_deployment, search

MODEL = "Qwen/Qwen3-8B"
LOAD: dict[str, Any] = {"request_rate": 4, "input_tokens": 1500, "output_tokens": 200}
CARDS = ["H100", "L40S", "RTX 4090", "MI300X", "A100 80GB"]


def alone(plan: Plan, model: str, **load: Any) -> Any:
    """The same deployment asked as any other question."""
    return estimate_performance(
        model,
        plan.hardware,
        tensor_parallel=plan.tensor_parallel,
        pipeline_parallel=plan.pipeline_parallel,
        data_parallel=plan.data_parallel,
        expert_parallel=plan.expert_parallel,
        precision=plan.precision,
        **load,
    )


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        (MODEL, 4),
        ("Qwen/Qwen3-30B-A3B", 20),
        ("meta-llama/Llama-3.1-70B", 2),
        # keeps no cache, so that its room is of sequences
        ("state-spaces/mamba-2.8b-hf", 4),
    ],
)
def test_a_plan_s_figures_are_those_of_its_deployment_alone(model: str, rate: int) -> None:
    load = LOAD | {"request_rate": rate}
    report = plan_deployment(model, hardware=CARDS, ttft_target_ms=3000, tpot_target_ms=60, **load)
    assert report.plans
    for plan in report.plans:
        one = alone(plan, model, **load)
        assert plan.ttft_ms == one.ttft_ms
        assert plan.tpot_ms == one.tpot_ms
        assert plan.ttft_range_ms == (one.ttft_interval_ms.low, one.ttft_interval_ms.high)
        assert plan.output_tokens_per_s == one.output_tokens_per_s
        assert plan.room == one.serving.room
        assert plan.saturation_requests_per_s == one.serving.saturation_requests_per_s > rate


def test_what_meets_surely_keeps_the_targets_at_the_upper_end() -> None:
    report = plan_deployment(MODEL, hardware=CARDS, ttft_target_ms=800, tpot_target_ms=30, **LOAD)
    for plan in report.plans:
        assert plan.tpot_range_ms is not None
        assert plan.tpot_ms is not None
        upper = plan.ttft_range_ms[1] <= 800 and plan.tpot_range_ms[1] <= 30
        assert (plan.meets == "surely") == (upper and served_slowly(plan, LOAD["request_rate"]))
        assert plan.meets == "perhaps" or (plan.ttft_ms <= 800 and plan.tpot_ms <= 30)
    prices = [plan.usd_per_hour for plan in report.plans if plan.usd_per_hour is not None]
    assert prices == sorted(prices)
    assert 1 <= len(report.plans) <= 5


def served_slowly(one: Any, rate: float) -> bool:
    """Whether a plan serves a rate where a step takes as long as the range of a token says at most."""
    return bool(rate * one.tpot_range_ms[1] / one.tpot_ms <= one.saturation_requests_per_s)


def test_no_rate_is_surely_served_by_what_is_near_its_end() -> None:
    # one request a second is 96 % of what Ollama's one sequence at a time comes to
    report = plan_deployment(
        MODEL,
        engine="ollama",
        hardware="RTX 4090",
        precision="q4_k_m",
        request_rate=1,
        input_tokens=1000,
        output_tokens=100,
    )
    assert report.plans
    for plan in report.plans:
        assert (plan.meets == "surely") == served_slowly(plan, 1)
    assert any(plan.meets != "surely" for plan in report.plans)


def test_no_layout_of_an_accelerator_is_cheaper_and_surely_meets() -> None:
    # a brute search over whole copies of one card, each simulated alone
    report = plan_deployment(MODEL, hardware="L40S", precision="fp8", ttft_target_ms=1500, tpot_target_ms=40, **LOAD)
    cheapest = next(plan for plan in report.plans if "cheapest, surely" in plan.why)
    for tensor in (1, 2, 4, 8):
        for copies in range(1, cheapest.devices):
            if tensor * copies >= cheapest.devices:
                continue
            layout = {"tensor_parallel": tensor, "data_parallel": copies}
            one = estimate_performance(MODEL, "L40S", precision="fp8", **layout, **LOAD)
            assert one.tpot_interval_ms is not None
            assert one.serving is not None
            late = one.ttft_interval_ms.high > 1500 or one.tpot_interval_ms.high > 40
            slow = one.tpot_interval_ms.high / one.tpot_ms
            assert late or one.serving.saturation_requests_per_s < 4 * slow


def test_more_is_asked_for_more_money() -> None:
    costs = []
    for rate in (1, 8, 40):
        load = LOAD | {"request_rate": rate}
        report = plan_deployment(MODEL, hardware=CARDS, max_devices=256, tpot_target_ms=40, **load)
        costs.append(min(plan.usd_per_hour for plan in report.plans if plan.usd_per_hour is not None))
    assert costs == sorted(costs)


def test_a_budget_and_spare_copies_are_kept() -> None:
    plain = plan_deployment(MODEL, hardware="H100", **LOAD).plans[0]
    spare = plan_deployment(MODEL, hardware="H100", spare_copies=2, **LOAD).plans[0]
    assert spare.data_parallel == plain.data_parallel + 2
    assert plain.usd_per_hour is not None
    none = plan_deployment(MODEL, hardware="H100", budget_usd_per_hour=plain.usd_per_hour * 0.9, **LOAD)
    assert not none.plans


def test_nothing_that_meets_says_how_near_the_nearest_is() -> None:
    report = plan_deployment(MODEL, hardware="L4", tpot_target_ms=3, **LOAD)
    assert report.plans == ()
    assert report.asked.least_tpot_ms is not None
    assert report.asked.least_tpot_ms > 3
    assert report.nearest is not None
    assert report.nearest.tpot_ms is not None
    assert report.nearest.tpot_ms >= report.asked.least_tpot_ms
    assert "Nearest" in str(report)


def test_users_are_planned_for_as_requests_are() -> None:
    report = plan_deployment(MODEL, concurrency=50, hardware="H100", tpot_target_ms=25, percentile="p95")
    plan = report.plans[0]
    # 2,048 and 256 tokens by a fifth
    one = alone(plan, MODEL, concurrency=50, input_tokens=[1638, 2458], output_tokens=[205, 307])
    assert plan.tpot_ms == one.serving.tpot.p95_ms
    alike = plan_deployment(MODEL, concurrency=50, hardware="H100", input_tokens=[2048, 2048], output_tokens=[256, 256])
    assert alike.plans[0].ttft_ms > 2 * plan_deployment(MODEL, concurrency=50, hardware="H100").plans[0].ttft_ms


def test_the_tool_s_text_is_short() -> None:
    report = plan_deployment("meta-llama/Llama-3.1-70B", request_rate=4, ttft_target_ms=1500, tpot_target_ms=50)
    assert len(report.plans) == len({(plan.hardware, plan.precision, plan.devices) for plan in report.plans})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"request_rate": 1, "think_time_s": 3}, "concurrency"),
        ({"devices": 8}, "hardware"),
        ({"request_rate": 1, "concurrency": 2}, "not both"),
        ({"request_rate": 1, "precision": "fp8", "formats": ["int4"]}, "formats"),
        ({"request_rate": 1, "hardware": []}, "hardware"),
        ({"request_rate": 1, "percentile": "p42"}, "percentile"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        plan_deployment(MODEL, **asked)


def test_accelerators_on_which_another_engine_serves_are_planned_with_it() -> None:
    report = plan_deployment(MODEL, request_rate=0.2, hardware=["M4 Max 64GB"])
    assert [plan.engine.split()[0] for plan in report.plans] == ["mlx-lm"] * len(report.plans)
    assert report.plans


def test_steady_state_and_events_choose_alike_over_random_loads() -> None:
    draw = random.Random(4)
    for _ in range(4):
        load = {
            "request_rate": draw.choice([0.5, 2, 6]),
            "input_tokens": draw.choice([300, 2000, 6000]),
            "output_tokens": draw.choice([50, 400]),
        }
        report = plan_deployment(MODEL, hardware=CARDS, ttft_target_ms=4000, tpot_target_ms=80, **load)
        assert report.asked.meeting
        assert report.plans, load


@pytest.mark.parametrize("load", [{"request_rate": 30}, {"concurrency": 60}], ids=["rate", "users"])
def test_one_copy_less_does_not_surely_meet(load: dict[str, Any]) -> None:
    lengths = {"input_tokens": [1000, 1000], "output_tokens": [100, 100]}
    report = plan_deployment(MODEL, hardware="L40S", precision="fp8", tpot_target_ms=25, **lengths, **load)
    plan = next(plan for plan in report.plans if "cheapest, surely" in plan.why)
    assert plan.data_parallel > 1
    fewer = estimate_performance(
        MODEL,
        "L40S",
        precision="fp8",
        tensor_parallel=plan.tensor_parallel,
        pipeline_parallel=plan.pipeline_parallel,
        data_parallel=plan.data_parallel - 1,
        **lengths,
        **load,
    )
    assert fewer.tpot_interval_ms is not None
    assert fewer.serving is not None
    slow = fewer.tpot_interval_ms.high / fewer.tpot_ms
    saturated = fewer.serving.saturation_requests_per_s < load.get("request_rate", 0) * slow
    assert saturated or fewer.tpot_interval_ms.high > 25


def test_one_output_token_has_no_time_per_token() -> None:
    report = plan_deployment(MODEL, hardware="H100", request_rate=2, output_tokens=1, tpot_target_ms=0.001)
    assert report.plans
    assert any(note.subject == "tpot_target_ms" for note in report.notes)


# 2 requests/s of 256 tokens are 512 tokens/s, and one L4 (300 GB/s) reads 8 GB of fp8 weights in 27 ms: with 16 at once
# 600 tokens/s at the very best, before the 4,096 prompt tokens/s that take 4,096 x 16 GFLOP of its 242 TFLOP/s (fp8)
@pytest.mark.parametrize(
    ("limits", "binding"),
    [
        ({"max_devices": 1}, ("max_devices",)),
        ({"devices": 1}, ("devices",)),
        ({"budget_usd_per_hour": 0.6}, ("budget_usd_per_hour",)),
        ({"budget_usd_per_hour": 0.6, "max_devices": 1}, ("budget_usd_per_hour", "max_devices")),
    ],
)
def test_where_a_limit_leaves_none_it_is_named_with_the_cheapest_beyond(
    limits: dict[str, Any], binding: tuple[str, ...]
) -> None:
    load = {"request_rate": 2, "input_tokens": 2048, "output_tokens": 256}
    report = plan_deployment("llama3.1_8b", hardware="L4", **load, **limits)
    assert not report.plans
    assert report.binding == binding
    assert report.most_requests_per_s is not None
    assert report.most_requests_per_s < 2
    assert report.beyond is not None
    # it is what the same search finds where the limit is as wide
    free = plan_deployment("llama3.1_8b", hardware="L4", **load)
    assert report.beyond.usd_per_hour == free.plans[0].usd_per_hour
    assert report.beyond.devices > 1
    said = f"{report.beyond.devices} x L4"
    assert f"cheapest that would do: {said}" in str(report)
    assert "targets" not in str(report)


def test_what_no_limit_mends_has_nothing_beyond() -> None:
    report = plan_deployment(MODEL, hardware="H100", tpot_target_ms=1, **LOAD)
    assert report.beyond is None
    assert report.binding == ("tpot_target_ms",)
    assert report.nearest is not None


def test_why_there_is_no_plan_is_said() -> None:
    poor = plan_deployment(MODEL, hardware="H100", request_rate=2, budget_usd_per_hour=0.1)
    assert "$0.10" in str(poor)
    # its maker publishes no dense peak
    aside = plan_deployment(MODEL, hardware="WSE_3", request_rate=2)
    assert not aside.asked.considered
    assert any("not searched" in text and "No dense peak" in text for text in aside.left_out)


def test_the_highest_rate_of_what_is_at_hand_keeps_the_targets_and_a_tenth_more_does_not() -> None:
    lengths = {"input_tokens": 1500, "output_tokens": 200}
    report = plan_deployment(MODEL, hardware="4 x A100 80GB", precision="fp8", tpot_target_ms=30, **lengths)
    plan = next(plan for plan in report.plans if "highest rate, surely" in plan.why)
    assert plan.devices <= 4
    assert plan.request_rate is not None
    here = alone(plan, MODEL, request_rate=plan.request_rate, **lengths)
    more = alone(plan, MODEL, request_rate=plan.request_rate * 1.1, **lengths)
    assert here.tpot_ms == plan.tpot_ms
    assert here.tpot_interval_ms.high <= 30
    assert more.tpot_interval_ms.high > 30 or more.serving.saturation_requests_per_s < plan.request_rate * 1.1


def test_without_a_load_and_targets_the_rate_is_that_of_saturation() -> None:
    report = plan_deployment(MODEL, hardware="H100", devices=2, precision="fp8")
    plan = report.plans[0]
    assert plan.request_rate is not None
    assert 0.9 * plan.saturation_requests_per_s <= plan.request_rate <= plan.saturation_requests_per_s
    assert any("no queue grows" in note.text for note in report.notes)


def test_users_who_think_ask_as_often_as_their_answers_and_thoughts_allow() -> None:
    report = plan_deployment(MODEL, hardware="H100", concurrency=200, think_time_s=20, tpot_target_ms=30)
    for plan in report.plans:
        assert plan.request_rate is not None
        one = alone(plan, MODEL, request_rate=plan.request_rate)
        assert plan.tpot_ms == one.tpot_ms
        assert plan.request_rate == pytest.approx(200 / (20 + one.total_ms / 1e3), rel=0.03)
    # those who do not think ask more often, and need more
    hasty = plan_deployment(MODEL, hardware="H100", concurrency=200, tpot_target_ms=30)
    assert hasty.plans[0].requests_per_s > report.plans[0].requests_per_s


def test_what_has_no_price_is_within_no_multiple_of_one() -> None:
    report = plan_deployment(MODEL, hardware=["L4", "RTX_6000_Ada"], concurrency=4)
    for plan in report.plans:
        if "quickest <= 2x price" in plan.why:
            assert plan.usd_per_hour is not None
            assert report.plans[0].usd_per_hour is not None
            assert plan.usd_per_hour <= 2 * report.plans[0].usd_per_hour
    assert any("quickest <= 2x price" in plan.why for plan in report.plans)


def test_an_engine_with_files_of_its_own_is_planned_with_these() -> None:
    # mlx-lm reads the files that mlx_lm.convert writes, and no fp8
    report = plan_deployment(MODEL, hardware="M4 Max", devices=1, concurrency=2)
    assert report.asked.formats == ("bf16", "mlx_4bit")
    tagged = plan_deployment(MODEL, hardware="RTX 4090", engine="ollama", concurrency=2)
    assert tagged.plans[0].no_launch is not None
    assert "by its tag" in tagged.plans[0].no_launch
    assert "repository" not in tagged.plans[0].no_launch


def test_a_cheaper_plan_that_is_left_out_says_that_it_is_likely_as_others_are() -> None:
    report = plan_deployment(
        "meta-llama/Llama-3.1-70B",
        hardware=["MI325X", "MI355X"],
        request_rate=4,
        ttft_target_ms=1500,
        tpot_target_ms=50,
    )
    assert "likely" in {plan.meets for plan in report.plans}
    (said,) = report.left_out
    assert "likely, and the cheapest is to meet surely (TPOT" in said
    assert "surely" in report.plans[0].meets


def test_a_name_that_means_two_cards_is_said_to() -> None:
    report = plan_deployment(MODEL, hardware="RTX 6000", request_rate=1)
    assert set(report.asked.hardware) == {"Quadro_RTX_6000", "RTX_6000_Ada"}
    (note,) = [note for note in report.notes if note.subject == "hardware"]
    assert note.text.startswith("RTX 6000 means Quadro_RTX_6000 and RTX_6000_Ada")
    alone = plan_deployment(MODEL, hardware="RTX 6000 Ada", request_rate=1)
    assert not [note for note in alone.notes if note.subject == "hardware"]


def test_no_more_are_planned_than_are_at_hand() -> None:
    for said in ({"hardware": "2 x A100 80GB"}, {"hardware": ["A100 80GB"], "devices": 2}):
        report = plan_deployment(MODEL, **said, **LOAD)
        assert report.plans
        assert all(plan.devices <= 2 for plan in report.plans)
    few = plan_deployment(MODEL, hardware="2 x A100 80GB", request_rate=100)
    assert not few.plans
    assert few.nearest is None or few.nearest.saturation_requests_per_s < 100


def test_formats_are_those_that_are_allowed() -> None:
    report = plan_deployment(MODEL, hardware="H100", formats=["fp8"], **LOAD)
    assert {plan.precision for plan in report.plans} == {"fp8"}
    both = plan_deployment(MODEL, hardware="H100", formats=["bf16", "int4"], **LOAD)
    assert {plan.precision for plan in both.plans} <= {"bf16", "int4"}
    assert any("cheapest unquantised" in plan.why and plan.precision == "bf16" for plan in both.plans)


def test_copies_that_share_experts_are_planned() -> None:
    # vLLM's own recipe for DeepSeek-V3: data parallel attention with expert parallelism over 16 devices
    report = plan_deployment(
        "deepseek-ai/DeepSeek-V3",
        hardware="16 x H200",
        input_tokens=1000,
        output_tokens=100,
    )
    assert report.plans
    sharing = [plan for plan in report.plans if plan.expert_parallel > plan.tensor_parallel]
    assert sharing
    for plan in sharing:
        one = alone(
            plan, "deepseek-ai/DeepSeek-V3", request_rate=plan.request_rate, input_tokens=1000, output_tokens=100
        )
        assert plan.tpot_ms == one.tpot_ms


def test_in_full_each_plan_has_the_tree_of_what_it_holds() -> None:
    report = plan_deployment(MODEL, hardware="H100", detail="full", **LOAD)
    for plan in report.plans:
        assert plan.ledger is not None
        assert plan.ledger.value / 1e9 == pytest.approx(plan.weights_gb + plan.cache_gb + plan.rest_gb)
        assert plan.weights_gb + plan.cache_gb + plan.rest_gb < plan.usable_gb
    assert plan_deployment(MODEL, hardware="H100", **LOAD).plans[0].ledger is None


def test_steady_states_expect_of_requests_by_chance_what_the_events_say(monkeypatch: pytest.MonkeyPatch) -> None:
    # a sample of benchmarks/steady_state.py: 2.3 % apart at the median over 137 plans
    found, asked, draw = [], search.plans, random.Random(2)

    def recorded(*given: Any) -> Any:
        answer = asked(*given)
        found.extend(one for one, _ in answer.plans)
        return answer

    monkeypatch.setattr(search, "plans", recorded)
    for _ in range(4):
        load = {"input_tokens": draw.choice([300, 2000]), "output_tokens": draw.choice([50, 200])}
        plan_deployment(MODEL, hardware=CARDS, request_rate=draw.choice([0.5, 2, 6]), tpot_target_ms=60, **load)
    assert len(found) >= 8
    apart = [abs(one.tpot / one.candidate.met(one.known.count).each - 1) for one in found]
    assert median(apart) < 0.05


def test_some_twenty_are_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    # of each the copies too, so that there may be more runs than finalists
    from llm_memory_calculator.search import finalists

    asked, seen = finalists.served, []
    monkeypatch.setattr(finalists, "served", lambda one, load: seen.append(one) or asked(one, load))
    plan_deployment(MODEL, ttft_target_ms=1500, tpot_target_ms=50, percentile="p99", **LOAD)
    kinds = {(one.device, one.formats.scheme.label, one.layout.tensor, one.layout.pipeline) for one in seen}
    assert 0 < len(kinds) <= 25
