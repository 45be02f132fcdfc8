"""Requests that come and go: queues by hand, laws of queues, measured runs."""

from itertools import pairwise, product
from random import Random
from statistics import median
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import (
    ArgumentError,
    EndToEndReport,
    ServingReport,
    estimate_performance,
    estimate_serving,
    plan_deployment,
)
from llm_memory_calculator.engines import Scheduler
from llm_memory_calculator.lengths import Lengths, spread
from llm_memory_calculator.performance.events import Request, Served, simulate

from ..rows import each
from .steps import Steps

MODEL, CARD = "meta-llama/Llama-3.1-8B", "H100"


def asked(**arguments: Any) -> EndToEndReport:
    return estimate_serving(arguments.pop("model", MODEL), arguments.pop("hardware", CARD), **arguments)


def serving(report: EndToEndReport) -> ServingReport:
    assert report.serving is not None
    return report.serving


# --- the scheduler, by hand ----------------------------------------------------------------------------------------


def simulated(requests: list[Request], scheduler: Scheduler, **more: Any) -> Served:
    common: dict[str, Any] = {
        "users": None,
        "arrivals": [0.0] * len(requests),
        "budget": 1000,
        "most": 100,
        "room": 1e9,
    }
    clockwork: Any = Steps()
    return simulate(requests, clockwork, scheduler, request_s=0.0, token_s=0.0, **{**common, **more})


def test_one_request_is_its_prompt_and_then_a_step_a_token() -> None:
    found = simulated([Request(200, 0, 5)], Scheduler())
    assert found.first == [3.0]
    assert found.ended == [3.0 + 4]


def test_a_prompt_beyond_the_budget_comes_in_pieces() -> None:
    # 1,000 in a step of 11 seconds, 500 in one of 6
    found = simulated([Request(1500, 0, 1)], Scheduler())
    assert found.first == [11.0 + 6.0]


def test_prompts_that_share_steps_let_others_decode_and_those_that_do_not_stop_them() -> None:
    requests = [Request(100, 0, 4), Request(400, 0, 2)]
    # the first has its token at 2; the second comes then, and its prompt takes 5 seconds
    mixed = simulated(requests, Scheduler(mixes=True), arrivals=[0.0, 2.0])
    assert mixed.first == [2.0, 7.0]
    assert mixed.ended == [2.0 + 5 + 1 + 1, 8.0]
    apart = simulated(requests, Scheduler(mixes=False), arrivals=[0.0, 2.0])
    assert apart.first == [2.0, 7.0]
    # its other three tokens all come after the prompt
    assert apart.ended == [2.0 + 5 + 3, 8.0]


def test_who_finds_no_room_waits_for_somebody_to_end() -> None:
    requests = [Request(100, 0, 3), Request(100, 0, 3)]
    free = simulated(requests, Scheduler())
    assert free.first == [3.0, 3.0]
    tight = simulated(requests, Scheduler(), room=150)
    assert tight.first == [2.0, 2.0 + 2 + 2]
    assert tight.queued == 0.5


def test_a_user_asks_again_when_he_has_his_answer() -> None:
    found = simulated([Request(100, 0, 3)] * 3, Scheduler(), users=1)
    assert found.arrived == [0.0, 4.0, 8.0]
    assert found.ended == [4.0, 8.0, 12.0]


def test_new_requests_are_seen_when_the_engine_looks() -> None:
    requests = [Request(100, 0, 40), Request(100, 0, 2)]
    soon = simulated(requests, Scheduler(), arrivals=[0.0, 2.5])
    late = simulated(requests, Scheduler(poll_steps=10), arrivals=[0.0, 2.5])
    assert soon.first[1] == 3.0 + 2
    assert late.first[1] == 12.0 + 2


def test_a_request_is_too_late_for_a_step_that_is_made_up_already() -> None:
    requests = [Request(100, 0, 40), Request(100, 0, 2)]
    # the step from 3 to 4 was made up at 2; one that finds nobody there is taken at once
    found = simulated(requests, Scheduler(ahead=1), arrivals=[0.0, 2.5])
    assert found.first == [2.0, 4.0 + 2]
    apart = simulated(requests[:1] * 2, Scheduler(ahead=1), arrivals=[0.0, 100.5])
    assert apart.first == [2.0, 102.5]


@given(
    prompts=st.lists(st.integers(1, 3000), min_size=1, max_size=30),
    outputs=st.lists(st.integers(1, 60), min_size=30, max_size=30),
    users=st.integers(1, 12),
    mixes=st.booleans(),
    whole=st.booleans(),
)
def test_every_request_is_served_once_and_in_order(
    prompts: list[int], outputs: list[int], users: int, mixes: bool, whole: bool
) -> None:
    requests = [Request(tokens, 0, output) for tokens, output in zip(prompts, outputs, strict=False)]
    found = simulated(requests, Scheduler(mixes=mixes, whole_prompts=whole), users=users)
    for arrived, first, ended, request in zip(found.arrived, found.first, found.ended, requests, strict=True):
        assert arrived < first <= ended + 1e-9
        assert ended - first >= request.output - 1 - 1e-6
    assert sum(found.ended) - sum(found.first) <= users * max(found.ended) + 1e-6


def test_lengths_are_spread_as_they_are_said() -> None:
    lengths = Lengths.by_percentiles(1000, 4000)
    found = sorted(lengths.at(share) for share in spread(1000, 2))
    assert found[500] == pytest.approx(1000, rel=0.02)
    assert found[950] == pytest.approx(4000, rel=0.05)
    assert sum(found) / 1000 == pytest.approx(lengths.mean, rel=0.01)
    mixed = Lengths.mixed({512: 0.75, 4096: 0.25})
    found = [mixed.at(share) for share in spread(400, 3)]
    assert found.count(512) == pytest.approx(300, abs=3)
    assert mixed.mean == pytest.approx(0.75 * 512 + 0.25 * 4096)
    assert sorted(spread(8, 2)) == [number / 8 for number in range(8)]


# --- laws that any queue keeps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("users", [1, 16, 128])
def test_users_are_throughput_times_the_time_they_wait(users: int) -> None:
    """Little's law; the first wave and the last requests stand a little beside it."""
    report = asked(concurrency=users, input_tokens=1000, output_tokens=300)
    found = serving(report)
    assert found.requests_per_s * found.e2e.mean_ms / 1e3 == pytest.approx(users, rel=0.12)
    assert report.output_tokens_per_s == pytest.approx(found.requests_per_s * 300, rel=0.01)


def test_more_users_wait_longer_and_get_more_in_all() -> None:
    reports = [asked(concurrency=users, input_tokens=1000, output_tokens=300) for users in (1, 4, 16, 64, 256)]
    for fewer, more in pairwise(reports):
        assert fewer.tpot_ms is not None
        assert more.tpot_ms is not None
        assert more.tpot_ms > fewer.tpot_ms
        assert more.output_tokens_per_s > fewer.output_tokens_per_s


def test_a_single_user_sees_what_a_batch_of_one_does() -> None:
    alone = asked(concurrency=1, input_tokens=1000, output_tokens=300)
    batch = estimate_performance(MODEL, CARD, batch_size=1, input_tokens=1000, output_tokens=300)
    assert alone.tpot_ms == pytest.approx(batch.tpot_ms, rel=0.01)
    assert alone.ttft_ms > batch.ttft_ms


def test_a_prefix_cache_spares_prompts_and_context_costs_decode() -> None:
    common: dict[str, Any] = {"concurrency": 32, "input_tokens": 4000, "output_tokens": 200}
    plain, cached, deep = asked(**common), asked(cached_share=0.9, **common), asked(depth=16_000, **common)
    assert cached.ttft_ms < plain.ttft_ms / 2
    assert plain.tpot_ms is not None
    assert deep.tpot_ms is not None
    assert deep.tpot_ms > plain.tpot_ms


def test_requests_beyond_what_can_be_served_queue_without_end() -> None:
    slow = asked(request_rate=1, input_tokens=1000, output_tokens=300)
    most = serving(slow).saturation_requests_per_s
    assert not any(note.subject == "request_rate" for note in slow.notes)
    near = asked(request_rate=0.7 * most, input_tokens=1000, output_tokens=300, tensor_parallel=1)
    beyond = asked(request_rate=3 * most, input_tokens=1000, output_tokens=300, tensor_parallel=1)
    assert near.ttft_ms < 1000 < beyond.ttft_ms
    assert any("grows without end" in note.text for note in beyond.notes)
    longer = asked(request_rate=3 * most, input_tokens=1000, output_tokens=300, tensor_parallel=1, requests=20_000)
    assert longer.ttft_ms > beyond.ttft_ms
    assert serving(beyond).requests_per_s == pytest.approx(most, rel=0.25)


def test_users_without_devices_take_the_fewest_that_hold_one_of_them() -> None:
    report = asked(model="meta-llama/Llama-3.1-8B", hardware="RTX 4090", concurrency=256)
    assert report.devices == 1
    assert f"256 users (room for {serving(report).room} at once)" in str(report)
    assert any("holds one of them" in note.text and "holds all of them" in note.text for note in report.notes)


def test_sequences_that_the_cache_has_no_room_for_wait_and_are_not_refused() -> None:
    # Llama 3.1 70B in 16 bits on two cards leaves room for a few sequences
    report = asked(model="meta-llama/Llama-3.1-70B", tensor_parallel=2, concurrency=32, input_tokens=4000)
    found = serving(report)
    assert found.room < 32
    # all but those who come first
    assert found.queued_share == pytest.approx(1 - found.room / found.requests, abs=0.01)
    assert any("room for" in note.text and note.subject == "concurrency" for note in report.notes)
    roomy = asked(model="meta-llama/Llama-3.1-70B", tensor_parallel=8, concurrency=32, input_tokens=4000)
    assert serving(roomy).queued_share == 0
    assert report.ttft_ms > 5 * roomy.ttft_ms


def test_targets_divide_the_requests() -> None:
    common: dict[str, Any] = {"concurrency": 64, "input_tokens": 1000, "output_tokens": 200}
    everything = serving(asked(ttft_target_ms=1e6, tpot_target_ms=1e6, **common))
    nothing = serving(asked(tpot_target_ms=0.001, **common))
    assert everything.goodput_requests_per_s == pytest.approx(everything.requests_per_s, rel=0.01)
    assert nothing.goodput_requests_per_s == 0
    assert serving(asked(**common)).goodput_requests_per_s is None


def test_percentiles_are_in_order() -> None:
    found = serving(
        asked(concurrency=100, input_tokens={"p50": 800, "p95": 6000}, output_tokens={"least": 20, "most": 400})
    )
    assert found.tpot is not None
    for spread_of in (found.ttft, found.tpot, found.e2e):
        assert 0 < spread_of.p50_ms <= spread_of.p95_ms <= spread_of.p99_ms


def test_tokens_a_second_stand_beside_their_inverse() -> None:
    report = asked(concurrency=8)
    each, interval = report.decode_tokens_per_s_each, report.decode_tokens_per_s_each_interval
    assert each is not None
    assert interval is not None
    assert report.tpot_ms is not None
    assert each == pytest.approx(1e3 / report.tpot_ms)
    assert interval.low < each < interval.high


SERVERS = [
    ("meta-llama/Llama-3.1-8B", "H100", 1, 1),
    ("meta-llama/Llama-3.1-8B", "H100", 1, 4),
    ("meta-llama/Llama-3.1-8B", "H100", 2, 2),
    ("meta-llama/Llama-3.1-70B", "H100", 4, 1),
    ("meta-llama/Llama-3.1-70B", "H100", 4, 2),
    ("meta-llama/Llama-3.1-70B", "H100", 1, 8),
    ("openai/gpt-oss-120b", "H200", 2, 1),
    ("openai/gpt-oss-120b", "H200", 1, 2),
    ("deepseek-ai/DeepSeek-R1", "H200", 8, 1),
    ("deepseek-ai/DeepSeek-R1", "H200", 8, 2),
]
LIMITS = {"vllm": "max_num_seqs", "sglang": "max_running_requests", "tensorrt_llm": "max_batch_size"}


@pytest.mark.parametrize("piped", [False, True])
def test_events_come_to_the_steady_state_when_they_go_on_for_long(piped: bool) -> None:
    """As many users as may run, over models, layouts, engines and loads."""
    servers = [server for server in SERVERS if (server[3] > 1) == piped]
    loads = product(servers, LIMITS, [1, 4, 16, 64, 256], [128, 500, 2000], [64, 256, 1000])
    off = []
    for (model, hardware, tensor, stages), engine, users, tokens, output in Random(1).sample(list(loads), 24):
        report = asked(
            model=model,
            hardware=hardware,
            engine=engine,
            engine_settings={LIMITS[engine]: users},
            tensor_parallel=tensor,
            pipeline_parallel=stages,
            concurrency=users,
            requests=60 * users,
            input_tokens={"least": round(0.8 * tokens), "most": tokens},
            output_tokens={"least": round(0.8 * output), "most": output},
        )
        found = serving(report)
        off.append(abs(found.requests_per_s / found.saturation_requests_per_s - 1))
    assert median(off) < 0.05
    assert sorted(off)[len(off) * 9 // 10] < 0.15


# --- what cannot be asked ------------------------------------------------------------------------------------------


@each(
    ("arguments", "said"),
    [
        ({}, "Give concurrency .* or request_rate"),
        ({"concurrency": 4, "request_rate": 2.0}, "not both"),
        ({"concurrency": 4, "batch_size": 2}, "batch_size is of a static batch"),
        ({"concurrency": 10, "requests": 4}, "requests is 4, fewer than the 10 users"),
        ({"concurrency": 4, "input_tokens": {"p50": 100}}, "input_tokens must be a whole number, or an object of p50"),
        ({"concurrency": 4, "input_tokens": {"p50": 100, "p95": 50}}, "p50 is 100, above its p95"),
        ({"concurrency": 4, "cached_share": 1.5}, "cached_share must be a number"),
        ({"concurrency": 4, "model": "BAAI/bge-base-en-v1.5", "output_tokens": 20}, "generates no tokens"),
        ({"concurrency": 4, "model": "BAAI/bge-base-en-v1.5", "depth": 20}, "depth is of models that generate"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        asked(**arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"input_tokens": {"p50": 100, "p95": 900}}, "a static batch has no use for"),
        ({"ttft_target_ms": 100}, "ttft_target_ms is of requests that come and go"),
        ({"requests": 100}, "requests is of requests that come and go"),
    ],
)
def test_a_static_batch_has_no_traffic(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        estimate_performance(MODEL, CARD, **arguments)


# --- measured runs -------------------------------------------------------------------------------------------------

# aiconfigurator 095f58a5, silicon_sample.csv: so many users in a closed loop, ten requests each, lengths even from 0.8
# to 1.0 of the nominal; mean milliseconds to the first token and a token after it
RUNS: list[tuple[dict[str, Any], int, int, int, float, float]] = [
    ({"model": "meta-llama/Llama-3.1-70B", "hardware": "B200", "engine": "vllm", "engine_version": "0.11",
      "precision": "nvfp4", "kv_precision": "fp8", "tensor_parallel": 2}, 16, 1024, 1024, 133.8, 10.67),
    ({"model": "meta-llama/Llama-3.1-70B", "hardware": "H100", "engine": "vllm", "engine_version": "0.11",
      "precision": "fp8", "kv_precision": "fp8", "tensor_parallel": 2}, 4, 1024, 1024, 121.3, 17.41),
    ({"model": "meta-llama/Llama-3.1-70B", "hardware": "H200", "engine": "vllm", "engine_version": "0.11",
      "precision": "fp8", "kv_precision": "fp8", "tensor_parallel": 1}, 4, 1024, 8192, 210.3, 22.05),
    ({"model": "meta-llama/Llama-3.1-70B", "hardware": "H200", "engine": "tensorrt_llm", "engine_version": "1.1",
      "precision": "fp8", "tensor_parallel": 1}, 32, 1024, 8192, 448.9, 27.49),
    ({"model": "meta-llama/Llama-3.1-70B", "hardware": "B200", "engine": "tensorrt_llm", "engine_version": "1.1",
      "precision": "nvfp4", "tensor_parallel": 1}, 32, 8192, 1024, 918.0, 28.87),
    ({"model": "openai/gpt-oss-120b", "hardware": "H200", "engine": "vllm", "engine_version": "0.11",
      "tensor_parallel": 1}, 32, 1024, 1024, 182.6, 17.64),
    ({"model": "openai/gpt-oss-120b", "hardware": "H200", "engine": "tensorrt_llm", "engine_version": "1.1",
      "tensor_parallel": 2}, 4, 1024, 1024, 80.4, 5.85),
    ({"model": "deepseek-ai/DeepSeek-R1", "hardware": "H200", "engine": "sglang", "engine_version": "0.5.9",
      "kv_precision": "fp8", "tensor_parallel": 8}, 4, 1024, 8192, 259.4, 10.26),
    ({"model": "deepseek-ai/DeepSeek-R1", "hardware": "H200", "engine": "tensorrt_llm", "engine_version": "1.1",
      "kv_precision": "fp8", "tensor_parallel": 8}, 4, 1024, 1024, 307.9, 13.81),
]  # fmt: skip


@each(("where", "users", "tokens", "output", "ttft_ms", "tpot_ms"), RUNS)
def test_served_loads_are_near_measured_runs(
    where: dict[str, Any], users: int, tokens: int, output: int, ttft_ms: float, tpot_ms: float
) -> None:
    report = asked(
        **where,
        concurrency=users,
        input_tokens={"least": round(0.8 * tokens), "most": tokens},
        output_tokens={"least": round(0.8 * output), "most": output},
    )
    assert report.tpot_ms == pytest.approx(tpot_ms, rel=0.2)
    assert report.tpot_interval_ms is not None
    assert report.tpot_interval_ms.low < tpot_ms < report.tpot_interval_ms.high
    assert report.ttft_interval_ms.low < ttft_ms < report.ttft_interval_ms.high


# TensorRT-LLM 1.0's overview: Llama-3.3-70B in FP4 on RTX PRO 6000, pipeline parallel: all requests at once, so many
# tokens in and out; output tokens a second. A device alone is 0.81 to 0.90 of what was measured.
PIPELINES = [
    (1, 128, 128, 6000, 3264),
    (2, 128, 128, 6000, 6172),
    (4, 128, 128, 6000, 9641),
    (8, 128, 128, 6000, 11880),
    (2, 1000, 2000, 1500, 2993),
    (4, 1000, 2000, 1500, 5274),
    (8, 1000, 2000, 1500, 6943),
    (2, 5000, 500, 1500, 812),
    (4, 5000, 500, 1500, 1511),
    (8, 5000, 500, 1500, 2491),
]


@each(("stages", "tokens", "output", "requests", "rate"), PIPELINES)
def test_the_stages_of_a_pipeline_serve_at_once(
    stages: int, tokens: int, output: int, requests: int, rate: float
) -> None:
    report = asked(
        model="meta-llama/Llama-3.3-70B-Instruct",
        hardware="RTX_PRO_6000_Server",
        engine="tensorrt_llm",
        engine_version="1.0",
        precision="nvfp4",
        kv_precision="fp8",
        pipeline_parallel=stages,
        concurrency=requests,
        requests=requests,
        input_tokens=tokens,
        output_tokens=output,
    )
    assert report.output_tokens_per_s == pytest.approx(rate, rel=0.3)


# inference-sim/training ed5c1d2: vLLM of February 2026 on H100, requests at a constant rate, of whose prompts the
# prefix cache has all but some 20 tokens; 128 sequences at most; mean milliseconds to the first token and a token after
OPEN: list[tuple[str, int, float, int, int, float, float]] = [
    ("codellama/CodeLlama-34b-Instruct-hf", 2, 5, 593, 249, 44.5, 14.36),
    ("codellama/CodeLlama-34b-Instruct-hf", 2, 6, 787, 253, 45.7, 14.35),
    ("mistralai/Mixtral-8x7B-v0.1", 2, 10, 589, 244, 56.8, 19.36),
    ("meta-llama/Llama-2-70b-hf", 4, 5, 593, 245, 53.4, 17.54),
    ("meta-llama/Llama-2-70b-hf", 4, 10, 593, 245, 56.7, 19.21),
]


@pytest.mark.parametrize(("model", "tensor", "rate", "tokens", "output", "ttft_ms", "tpot_ms"), OPEN)
def test_prompts_that_are_cached_hardly_hold_up_others(
    model: str, tensor: int, rate: float, tokens: int, output: int, ttft_ms: float, tpot_ms: float
) -> None:
    report = asked(
        model=model,
        engine="vllm",
        engine_version="2026-02-17",
        engine_settings={"max_num_seqs": 128},
        tensor_parallel=tensor,
        request_rate=rate,
        arrivals="even",
        requests=3000,
        input_tokens=tokens,
        output_tokens=output,
        cached_share=0.97,
    )
    assert report.tpot_ms == pytest.approx(tpot_ms, rel=0.12)
    assert report.ttft_ms == pytest.approx(ttft_ms, rel=0.2)


@pytest.mark.parametrize("users", [5, 20, 76])
@pytest.mark.parametrize("layout", [(1, 2), (2, 1)])
def test_what_is_served_can_be_served(users: int, layout: tuple[int, int]) -> None:
    # prompts of one length fall into step, and go through a pipeline quicker than those that come apart
    tensor, pipeline = layout
    report = estimate_serving(
        "Qwen/Qwen3-32B",
        "RTX_3090",
        precision="int4",
        tensor_parallel=tensor,
        pipeline_parallel=pipeline,
        concurrency=users,
    )
    assert report.serving is not None
    assert report.serving.requests_per_s <= report.serving.saturation_requests_per_s


def test_rates_of_a_served_load_have_the_ranges_of_what_they_hang_on() -> None:
    users = estimate_serving("llama3.1_8b", "A100_80GB", concurrency=16)
    serving, rate = users.serving, users.output_tokens_per_s_interval
    assert serving is not None
    assert serving.requests_per_s_interval is not None
    assert rate is not None
    # Little's law at either end: users = requests a second x seconds of each
    seconds = users.total_interval_ms
    ends = (serving.requests_per_s_interval.low * seconds.high, serving.requests_per_s_interval.high * seconds.low)
    assert ends == pytest.approx((serving.requests_per_s * users.total_ms,) * 2)
    assert rate.low < users.output_tokens_per_s < rate.high
    assert serving.saturation_interval.low < serving.saturation_requests_per_s < serving.saturation_interval.high
    # what comes at a rate far below is served, however long it takes; near it that is not known
    few = estimate_serving("llama3.1_8b", "A100_80GB", request_rate=1).serving
    many = estimate_serving("llama3.1_8b", "A100_80GB", request_rate=5.3).serving
    assert few is not None
    assert many is not None
    assert few.requests_per_s_interval is None
    assert many.requests_per_s_interval is not None
    assert many.requests_per_s_interval.high <= 5.3


def test_speech_is_half_a_minute_of_sound_and_not_a_prompt() -> None:
    report = estimate_performance("openai/whisper-large-v3", "L4")
    # openai/whisper: <|startoftranscript|><|en|><|transcribe|><|notimestamps|>
    assert report.input_tokens == 4
    assert any("30 s of sound (1,500 positions" in note.text for note in report.notes)
    assert not any("exceed" in note.text for note in report.notes)
    # BART's tables of positions have 1,024 entries
    assert estimate_performance("facebook/bart-large", "L4").input_tokens == 1024


@pytest.mark.parametrize("model", ["openai/whisper-large-v3", "google-t5/t5-large"])
def test_a_served_load_of_what_has_an_encoder_first_is_refused(model: str) -> None:
    with pytest.raises(ArgumentError, match="encoder before its decoder"):
        estimate_serving(model, "L4", concurrency=4)
    with pytest.raises(ArgumentError, match="encoder before its decoder"):
        plan_deployment(model, hardware="L4", request_rate=1)


# --- what is said of a served load ---------------------------------------------------------------------------------


def test_that_requests_fall_into_step_is_said_where_it_moves_the_answer() -> None:
    def warned(**load: Any) -> str:
        report = estimate_serving("llama3.1_8b", **load)
        return " ".join(note.text for note in report.notes if "fall into step" in note.text)

    assert "TTFT is" in warned(hardware="H100", concurrency=16, input_tokens=8192, output_tokens=64)
    # a batch that saturates waits for room, whatever the lengths
    saturating = {"concurrency": 2048, "input_tokens": 128, "output_tokens": 128, "engine": "tensorrt_llm"}
    assert not warned(hardware="A100_80GB", **saturating)
    assert not warned(hardware="L4", concurrency=128, input_tokens=1024, output_tokens=512)


def test_what_requests_wait_for_is_named() -> None:
    asked: dict[str, Any] = {"hardware": "A100_80GB", "input_tokens": 128, "output_tokens": 128, "concurrency": 2048}
    by_cache = estimate_serving("llama3_8b", engine="tensorrt_llm", **asked)
    by_setting = estimate_serving("llama3_8b", engine="vllm", engine_settings={"max_num_seqs": 256}, **asked)
    said = [
        next(note.text for note in report.notes if note.subject == "concurrency") for report in (by_cache, by_setting)
    ]
    assert by_cache.serving is not None
    # what is left beside one request is the cache of all: 256 tokens of 131,072 bytes each
    assert by_cache.serving.room * 256 * 131_072 == pytest.approx(by_cache.memory_spare_bytes, rel=0.02)
    assert f"{by_cache.memory_spare_bytes / 1e9:,.1f} GB a device that one request leaves" in said[0]
    assert said[1] == "max_num_seqs 256 lets 256 sequences at once run, and the other 1,792 users wait for their turn."
    assert "with one request, " in str(by_cache)
