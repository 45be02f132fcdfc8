"""Questions that are bounded, or that nobody waits for any more."""

import threading
import time
from typing import Any

import pytest

from llm_memory_calculator import calculate_memory, compare_hardware, estimate_performance, plan_deployment
from llm_memory_calculator.errors import WorkLimitError
from llm_memory_calculator.work import Stopped, Work, bounded

QUESTIONS: list[Any] = [
    lambda: compare_hardware("deepseek_v3", devices=1024),
    lambda: plan_deployment("deepseek_v3", request_rate=50, ttft_target_ms=2000),
    lambda: estimate_performance("llama3_70b", "H100", devices=8, request_rate=3.9, input_tokens=3000),
]


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    """What the first question loads is not part of its work."""
    compare_hardware("llama3_8b", hardware=["H100"])


@pytest.mark.parametrize("ask", QUESTIONS[:2])
def test_a_question_ends_at_its_bound(ask: Any) -> None:
    begun = time.thread_time()
    with pytest.raises(WorkLimitError, match=r"more than 0\.5 s of computing"), bounded(Work(0.5)):
        ask()
    assert time.thread_time() - begun < 0.5 + 0.5


@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_question_that_is_stopped_ends_at_once(ask: Any) -> None:
    work = Work(60)
    work.stop()
    begun = time.thread_time()
    with pytest.raises(Stopped), bounded(work):
        ask()
    assert time.thread_time() - begun < 0.5


def test_a_question_is_stopped_from_another_thread() -> None:
    work = Work(60)
    threading.Timer(0.2, work.stop).start()
    begun = time.thread_time()
    with pytest.raises(Stopped), bounded(work):
        QUESTIONS[0]()
    # the timer's own delay on a busy machine is no computing of this thread
    assert time.thread_time() - begun < 0.2 + 0.5


def test_a_stopped_question_leaves_nothing_behind() -> None:
    plain = compare_hardware("llama3_70b", hardware=["H100", "MI300X"], devices=8)
    work = Work(60)
    work.stop()
    with pytest.raises(Stopped), bounded(work):
        compare_hardware("llama3_70b", hardware=["H100", "MI300X"], devices=16)
    assert compare_hardware("llama3_70b", hardware=["H100", "MI300X"], devices=8) == plain


def test_parts_are_counted() -> None:
    work = Work(60)
    with bounded(work):
        compare_hardware("llama3_8b", hardware=["H100", "A100_80GB"])
    assert work.done is not None
    assert work.done[0] < work.done[1]


def test_a_short_question_is_answered_within_its_bound() -> None:
    with bounded(Work(5)):
        assert calculate_memory("llama3_8b").parameter_count == 8_030_261_248
