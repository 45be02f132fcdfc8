"""Prompts that are taken in apart: both sides by hand, laws of queues and links, measured runs, what is refused."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import (
    ArgumentError,
    DisaggregatedReport,
    DoesNotFitError,
    EndToEndReport,
    LayoutError,
    estimate_performance,
    estimate_prefill_performance,
    estimate_serving,
)
from llm_memory_calculator.engines import Scheduler
from llm_memory_calculator.performance.events import Request, Served
from llm_memory_calculator.performance.relay import DecodeSide, PrefillSide, relay

from .steps import Steps

MODEL, CARD = "meta-llama/Llama-3.1-8B", "H100"


def asked(**arguments: Any) -> EndToEndReport:
    common: dict[str, Any] = {"tensor_parallel": 1, "prefill_workers": 1}
    return estimate_serving(arguments.pop("model", MODEL), arguments.pop("hardware", CARD), **{**common, **arguments})


def sides(report: EndToEndReport) -> DisaggregatedReport:
    assert report.serving is not None
    assert report.serving.disaggregated is not None
    return report.serving.disaggregated


def tpot(report: EndToEndReport) -> float:
    assert report.tpot_ms is not None
    return report.tpot_ms


# --- by hand -------------------------------------------------------------------------------------------------------


class PrefillsAlone(Steps):
    def mixed(
        self,
        sequences: int,
        context: float,
        pieces: list[tuple[float, float]],
        ending: int,
        shared: float | None = None,
    ) -> float:
        assert sequences == 0, "no step of a prefill worker decodes"
        return super().mixed(sequences, context, pieces, ending, shared)


def relayed(requests: list[Request], **more: Any) -> Served:
    """With a second for each cache to cross."""
    clockwork: Any = PrefillsAlone()
    given: dict[str, Any] = {
        "workers": 1, "copies": 1, "budget": 1000, "most": 100, "room": 1e9, "users": None, "crosses": 1.0,
        "arrivals": [0.0] * len(requests), "scheduler": Scheduler(), **more,
    }  # fmt: skip
    link = [given["crosses"]] * len(requests)
    return relay(
        requests,
        PrefillSide(clockwork=clockwork, workers=given["workers"], budget=given["budget"], link_s=link),
        DecodeSide(
            clockwork=clockwork,
            copies=given["copies"],
            most=given["most"],
            room=given["room"],
            link_s=[0.0] * len(link),
        ),
        given["scheduler"],
        crosses=link,
        users=given["users"],
        arrivals=given["arrivals"],
        request_s=0.0,
        token_s=0.0,
    )


def test_one_request_is_its_prompt_its_way_and_a_step_a_token() -> None:
    found = relayed([Request(200, 0, 5)])
    assert found.first == [3.0 + 1]
    assert found.ended == [4.0 + 4]


def test_one_token_needs_no_way() -> None:
    found = relayed([Request(200, 0, 1)])
    assert found.first == found.ended == [3.0]


def test_a_prompt_beyond_the_budget_comes_in_pieces() -> None:
    assert relayed([Request(1500, 0, 1)]).first == [11.0 + 6.0]


def test_decodes_do_not_wait_for_the_prompts_of_others() -> None:
    requests = [Request(100, 0, 11), Request(900, 0, 2)]
    # the second's prompt takes 10 seconds, from 2 on; the first decodes from 3 on, a token a second
    found = relayed(requests, arrivals=[0.0, 1.5])
    assert found.first == [3.0, 2.0 + 10 + 1]
    assert found.ended == [13.0, 14.0]


def test_prompts_queue_for_workers() -> None:
    requests = [Request(1000, 0, 2)] * 4
    assert relayed(requests, workers=4).first == [12.0] * 4
    assert relayed(requests, workers=2).first == [12.0, 12.0, 23.0, 23.0]
    assert relayed(requests).first == [12.0, 23.0, 34.0, 45.0]


def test_caches_queue_for_the_link_of_their_worker() -> None:
    # both prompts end in the same step, at 3
    requests = [Request(100, 0, 2)] * 2
    assert relayed(requests, crosses=5.0).first == [8.0, 13.0]
    assert relayed(requests, crosses=5.0, workers=2).first == [7.0, 7.0]


def test_caches_wait_for_room_where_they_are_decoded() -> None:
    requests = [Request(100, 0, 11)] * 2
    found = relayed(requests, room=150)
    assert found.first == [4.0, 14.0 + 1]
    assert found.queued == 0.5
    assert relayed(requests, room=150, copies=2).queued == 0


def test_a_sequence_joins_after_the_step_that_runs() -> None:
    requests = [Request(100, 0, 11), Request(100, 0, 2)]
    found = relayed(requests, arrivals=[0.0, 2.3])
    # there at 5.3, beside a step that ends at 6
    assert found.first == [3.0, pytest.approx(5.3)]
    assert found.ended == [13.0, 7.0]


def test_a_user_asks_again_when_he_has_his_answer() -> None:
    found = relayed([Request(100, 0, 3)] * 3, users=1)
    assert found.arrived == [0.0, 5.0, 10.0]
    assert found.ended == [5.0, 10.0, 15.0]


@given(
    prompts=st.lists(st.integers(1, 3000), min_size=1, max_size=30),
    outputs=st.lists(st.integers(1, 60), min_size=30, max_size=30),
    users=st.integers(1, 12),
    workers=st.integers(1, 4),
    copies=st.integers(1, 3),
    room=st.sampled_from([1e9, 3500.0]),
    crosses=st.sampled_from([0.0, 0.4, 7.0]),
)
def test_every_request_is_served_once_and_in_order(
    prompts: list[int], outputs: list[int], users: int, workers: int, copies: int, room: float, crosses: float
) -> None:
    requests = [Request(tokens, 0, output) for tokens, output in zip(prompts, outputs, strict=False)]
    found = relayed(requests, users=users, workers=workers, copies=copies, room=room, crosses=crosses)
    for arrived, first, ended, request in zip(found.arrived, found.first, found.ended, requests, strict=True):
        least = 1 + request.tokens / 100 + (crosses if request.output > 1 else 0)
        assert first - arrived >= least - 1e-6
        assert ended - first >= request.output - 1 - 1e-6
    assert sum(found.ended) - sum(found.first) <= users * max(found.ended) + 1e-6


# --- laws ----------------------------------------------------------------------------------------------------------


def test_a_single_user_sees_the_prefill_the_way_and_plain_decode() -> None:
    lengths: dict[str, Any] = {"input_tokens": 4000, "output_tokens": 300}
    swift = asked(concurrency=1, transfer_gb_s=1e6, **lengths)
    batch = estimate_performance(MODEL, CARD, tensor_parallel=1, **lengths)
    together = asked(concurrency=1, prefill_workers=None, **lengths)
    assert tpot(swift) == pytest.approx(batch.tpot_ms, rel=0.01)
    # alone nothing is in the way of a prompt, wherever it is taken in
    assert swift.ttft_ms == pytest.approx(together.ttft_ms, rel=0.01)
    slow = asked(concurrency=1, transfer_gb_s=1, **lengths)
    # Llama 3.1 8B: 32 layers x 2 x 8 heads x 128 values x 2 bytes a token
    crosses = 4000 * 32 * 2 * 8 * 128 * 2 / 1e9
    assert slow.ttft_ms - swift.ttft_ms == pytest.approx(crosses * 1e3, rel=0.01)
    assert tpot(slow) == pytest.approx(tpot(swift), rel=0.01)


def test_latent_attention_hands_over_its_latents() -> None:
    report = asked(
        model="deepseek-ai/DeepSeek-R1", hardware="H200", tensor_parallel=8, concurrency=4, input_tokens=4000,
        kv_precision="bf16",
    )  # fmt: skip
    # 61 layers of 512 latent and 64 rotary values, whole on every rank
    assert sides(report).transfer_bytes == pytest.approx(4000 * 61 * (512 + 64) * 2, rel=0.01)


@pytest.mark.parametrize("users", [8, 64, 256])
def test_decode_steps_without_prompts_are_no_slower_than_with_them(users: int) -> None:
    lengths: dict[str, Any] = {"input_tokens": 4000, "output_tokens": 300}
    apart = asked(concurrency=users, prefill_workers=2, **lengths)
    together = asked(concurrency=users, prefill_workers=None, **lengths)
    assert tpot(apart) <= tpot(together) * 1.001


@pytest.mark.parametrize("more", [{"concurrency": 64}, {"request_rate": 6.0}])
def test_more_prefill_workers_never_wait_longer(more: dict[str, Any]) -> None:
    # over one link, since more devices than NVLink joins stand on the network
    more = {"input_tokens": 8000, "transfer_gb_s": 50, **more}
    waits = [asked(prefill_workers=workers, **more).ttft_ms for workers in (1, 2, 3, 4, 8)]
    for fewer, further in pairwise(waits):
        assert further <= fewer * 1.01
    assert waits[-1] < waits[0] / 2


def test_a_slower_link_waits_longer_and_binds_in_the_end() -> None:
    reports = [asked(concurrency=64, input_tokens=8000, transfer_gb_s=rate) for rate in (100.0, 10.0, 1.0, 0.1)]
    for swifter, slower in pairwise(reports):
        assert slower.ttft_ms > swifter.ttft_ms
    assert sides(reports[0]).bound == "prefill"
    assert sides(reports[-1]).bound == "transfer"


@pytest.mark.parametrize(
    ("workers", "copies", "tokens", "output"),
    [(1, 1, 8000, 100), (4, 1, 500, 1000), (3, 2, 4000, 300), (2, 4, 2000, 64)],
)
def test_no_more_is_served_than_the_narrower_side_can_do(workers: int, copies: int, tokens: int, output: int) -> None:
    report = asked(
        prefill_workers=workers, data_parallel=copies, concurrency=600, input_tokens=tokens, output_tokens=output
    )
    found = sides(report)
    assert found.transfer_saturation_requests_per_s is not None
    assert found.decode_saturation_requests_per_s is not None
    least = min(
        found.prefill_saturation_requests_per_s,
        found.transfer_saturation_requests_per_s,
        found.decode_saturation_requests_per_s,
    )
    assert report.serving is not None
    assert report.serving.saturation_requests_per_s == least
    assert report.requests_per_s <= least * 1.03


def test_a_flood_of_requests_is_served_at_the_rate_of_the_side_that_binds() -> None:
    report = asked(request_rate=100, input_tokens=8000, output_tokens=64, requests=3000)
    found = sides(report)
    assert found.bound == "prefill"
    assert report.requests_per_s == pytest.approx(found.prefill_saturation_requests_per_s, rel=0.05)
    assert any("grows without end" in note.text for note in report.notes)


def test_one_output_token_is_prefill_alone() -> None:
    report = asked(concurrency=32, input_tokens=8000, output_tokens=1, transfer_gb_s=0.001)
    found = sides(report)
    assert report.tpot_ms is None
    assert found.decode_saturation_requests_per_s is None
    assert found.transfer_saturation_requests_per_s is None
    assert found.bound == "prefill"
    assert report.requests_per_s == pytest.approx(found.prefill_saturation_requests_per_s, rel=0.1)


def test_devices_of_both_sides_are_counted() -> None:
    report = asked(hardware="H200", prefill_workers=4, tensor_parallel=8, concurrency=64)
    found = sides(report)
    assert (found.prefill_devices, found.decode_devices, report.devices) == (4 * 8, 8, 40)
    assert found.output_tokens_per_s_per_device == pytest.approx(report.output_tokens_per_s / 40)
    narrow = asked(hardware="H200", prefill_workers=4, prefill_tensor_parallel=1, tensor_parallel=8, concurrency=64)
    assert narrow.devices == 12
    named = asked(hardware="16xH200", prefill_workers=4, prefill_tensor_parallel=1, tensor_parallel=4, concurrency=64)
    assert (named.data_parallel, named.devices) == (3, 16)


def test_caches_cross_by_the_link_that_joins_all_devices_or_by_the_network() -> None:
    near, far = asked(prefill_workers=1, concurrency=4), asked(prefill_workers=8, concurrency=4)
    assert any("NVLink" in note.text for note in near.notes if note.subject == "transfer_gb_s")
    assert any("InfiniBand" in note.text for note in far.notes if note.subject == "transfer_gb_s")
    assert sides(near).transfer_ms < sides(far).transfer_ms
    assert sides(asked(concurrency=4, input_tokens=9000)).transfer_bytes == pytest.approx(
        9 * sides(asked(concurrency=4, input_tokens=1000)).transfer_bytes, rel=0.01
    )


def test_prompts_alone_fill_the_prefill_side_as_a_batch_of_them_does() -> None:
    found = sides(asked(concurrency=4, input_tokens=8000))
    batch = estimate_prefill_performance(model=MODEL, system_name=CARD, batch_size=1, input_tokens=8000)
    assert found.prefill_saturation_requests_per_s == pytest.approx(1e3 / batch["Latency"], rel=0.1)


# --- measured runs -------------------------------------------------------------------------------------------------

TEP: dict[str, Any] = {"tensor_parallel": 8, "expert_parallel": 8, "data_parallel": 4}
# aiconfigurator 095f58a5, silicon_sample.csv: DeepSeek-R1 in nvfp4 on GB200 under TensorRT-LLM, prefill and decode
# apart on 36 and 40 devices; the workers by InferenceMAX 525079ad, nvidia-master.yaml, dsr1-fp4-gb200-dynamo-trt:
# (workers, their tensor and expert ranks, what decodes, tokens of a prefill step, users, tokens in, ms, ms)
RUNS: list[tuple[tuple[int, int, int], dict[str, Any], int, int, int, float, float]] = [
    ((1, 4, 4), TEP, 4608, 16, 1024, 214.85, 7.473),
    ((1, 4, 4), TEP, 4608, 64, 1024, 262.45, 10.005),
    ((6, 1, 4), {"tensor_parallel": 1, "expert_parallel": 16, "data_parallel": 16}, 8448, 1075, 8192, 2550.3, 23.878),
]


@pytest.mark.parametrize(("prefill", "decode", "budget", "users", "tokens", "ttft_ms", "tpot_ms"), RUNS)
def test_served_loads_are_near_measured_runs(
    prefill: tuple[int, int, int], decode: dict[str, Any], budget: int, users: int, tokens: int, ttft_ms: float,
    tpot_ms: float,
) -> None:  # fmt: skip
    workers, tensor, expert = prefill
    report = asked(
        model="deepseek-ai/DeepSeek-R1",
        hardware="GB200",
        engine="tensorrt_llm",
        engine_version="1.1",
        precision="nvfp4",
        kv_precision="fp8",
        engine_settings={"max_num_tokens": budget},
        prefill_workers=workers,
        prefill_tensor_parallel=tensor,
        prefill_expert_parallel=expert,
        **decode,
        concurrency=users,
        input_tokens={"least": round(0.8 * tokens), "most": tokens},
        output_tokens={"least": 820, "most": 1024},
    )
    assert report.devices == 4 * workers + decode["tensor_parallel"] * decode["data_parallel"]
    assert report.tpot_ms == pytest.approx(tpot_ms, rel=0.35)
    assert report.tpot_interval_ms is not None
    assert report.tpot_interval_ms.low < tpot_ms < report.tpot_interval_ms.high
    assert report.ttft_interval_ms.low < ttft_ms < report.ttft_interval_ms.high
    assert "apart" in report.ttft_interval_ms.evidence


# --- what cannot be asked ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tensor_parallel": None}, "beside a layout that only decodes, and none is given"),
        (
            {"prefill_workers": None, "prefill_tensor_parallel": 2},
            "prefill_tensor_parallel is of workers .* give prefill_w",
        ),
        ({"prefill_workers": None, "transfer_gb_s": 2}, "transfer_gb_s is of workers that take in prompts alone"),
        (
            {"engine": "llama_cpp"},
            "llama.cpp takes in prompts where it decodes; leave it out, or name an engine of vllm",
        ),
        ({"prefill_workers": 0}, "prefill_workers must be between 1 and 65,536, and is 0"),
        ({"transfer_gb_s": 0}, "transfer_gb_s must be a number"),
        ({"model": "google/flan-t5-xl"}, "has an encoder before its decoder"),
        ({"model": "BAAI/bge-m3", "output_tokens": 1}, "prefill_workers are of decoders"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        asked(concurrency=4, **arguments)


def test_layouts_of_either_side_that_cannot_be_are_refused() -> None:
    with pytest.raises(LayoutError, match="tensor_parallel 3 does not divide"):
        asked(concurrency=4, prefill_tensor_parallel=3)
    with pytest.raises(LayoutError, match="take 4, which leaves none to decode"):
        asked(hardware="4xH100", prefill_workers=4, concurrency=4)
    with pytest.raises(LayoutError, match="expert_parallel needs a mixture of experts"):
        asked(concurrency=4, prefill_expert_parallel=2)


def test_a_static_batch_has_no_workers_apart() -> None:
    with pytest.raises(ArgumentError, match="prefill_workers is of requests that come and go"):
        estimate_performance(MODEL, CARD, tensor_parallel=1, prefill_workers=2)


def test_weights_must_fit_on_either_side() -> None:
    with pytest.raises(DoesNotFitError, match=r"^On a prefill worker: meta-llama/Llama-3\.1-70B"):
        asked(model="meta-llama/Llama-3.1-70B", tensor_parallel=8, prefill_tensor_parallel=1, concurrency=4)
    with pytest.raises(DoesNotFitError, match=r"^meta-llama/Llama-3\.1-70B"):
        asked(model="meta-llama/Llama-3.1-70B", tensor_parallel=1, prefill_tensor_parallel=8, concurrency=4)


def test_decode_side_without_room_makes_caches_wait() -> None:
    tight = asked(
        model="meta-llama/Llama-3.1-70B", tensor_parallel=2, prefill_tensor_parallel=4, concurrency=32,
        input_tokens=4000,
    )  # fmt: skip
    assert tight.serving is not None
    assert tight.serving.room < 32
    assert tight.serving.queued_share > 0.2
