"""Work, errors and replies of the server have bounds, and nobody waits for what somebody else asked."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from mcp import Client

from llm_memory_calculator import calculate_memory, compare_hardware
from llm_memory_calculator.errors import ArgumentError, CalculatorError, WorkLimitError
from llm_memory_calculator.reach import EVERYWHERE, NOWHERE, Reach
from llm_memory_calculator.sources import hub
from llm_memory_calculator.work import Stopped, bounded
from llm_memory_server import lanes as lanes_module, tools
from llm_memory_server.computing import Computing
from llm_memory_server.lanes import MOST_BEGUN, BusyError, Call, Lane, Lanes
from llm_memory_server.limits import require_few
from llm_memory_server.remembered import MOST, Remembered, asked_by
from llm_memory_server.server import CalculatorServer, build_server
from llm_memory_server.tools import call

pytestmark = pytest.mark.anyio
LONG = ("compare_hardware", {"model": "deepseek_v3", "devices": 1024})


def long(number: int) -> tuple[str, dict[str, Any]]:
    """One of some questions that take as long."""
    return "compare_hardware", {"model": "deepseek_v3", "devices": 1024 - number}


SHORT = ("calculate_memory", {"model": "llama3_8b"})
GPT2 = {"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}
# Of the clock, in which other programs run too; a tenth of it is what an idle machine takes.
PATIENCE_S = 4.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    """What the first question loads takes longer than what is measured here."""
    compare_hardware("llama3_8b", hardware=["H100"])


def text(result: Any) -> str:
    return str(result.content[0].text)


async def until(condition: Any, seconds: float) -> float:
    """Seconds after which the condition held."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not after {seconds} s"
        await anyio.sleep(0.02)
    return time.monotonic() - begun


def huge() -> Iterator[Any]:
    yield pytest.param("calculate_memory", {f"k{number}": 0 for number in range(100_000)}, id="100,000 keys")
    config = {f"k{number}": 0 for number in range(100_000)}
    yield pytest.param("calculate_memory", {"config": config}, id="100,000 keys of a config")
    yield pytest.param("calculate_memory", {"model": "llama3_8b", "precision": "x" * 3_000_000}, id="3 MB of precision")
    yield pytest.param("calculate_memory", {"model": "m" * 3_000_000}, id="3 MB of model")
    yield pytest.param("calculate_memory", {"config": {"model_type": "no such"}}, id="unknown model_type")
    yield pytest.param("calculate_memory", {"config": {"model_type": "x" * 3_000_000}}, id="3 MB of model_type")
    yield pytest.param("max_batch_size", {"model": "llama3_8b", "hardware": "h" * 3_000_000}, id="3 MB of hardware")
    hardware = [f"h{number}" for number in range(100_000)]
    yield pytest.param("compare_hardware", {"model": "llama3_8b", "hardware": hardware}, id="100,000 accelerators")
    copies = ["H100"] * 100_000
    yield pytest.param("compare_hardware", {"model": "llama3_8b", "hardware": copies}, id="100,000 of one accelerator")
    yield pytest.param("t" * 3_000_000, {}, id="3 MB of a tool's name")


@pytest.mark.parametrize(("name", "arguments"), list(huge()))
async def test_an_error_is_short_and_soon_whatever_came_in(name: str, arguments: dict[str, Any]) -> None:
    async with Client(build_server()) as client:
        begun = time.process_time()
        result = await client.call_tool(name, arguments)
        took = time.process_time() - begun
    assert result.is_error
    assert 20 < len(text(result)) <= 2_000
    assert not text(result).startswith("Error executing")
    assert took < 5


def test_what_holds_too_many_values_is_refused_before_the_loop_looks_at_each() -> None:
    keys = {f"k{number}": 0 for number in range(100_000)}
    for arguments in (keys, {"config": keys}, {"model": "llama3_8b", "more": {"engine_settings": {"a": [keys]}}}):
        with pytest.raises(ArgumentError, match="more than 50,000 values"):
            require_few(arguments)
    # the index of a checkpoint beside its config: 36,000 tensors of a mixture
    require_few({"config": {"weight_map": {f"model.layers.{number}.weight": "a" for number in range(36_000)}}})


async def test_a_reply_is_no_longer_than_is_sent() -> None:
    asked = {"model": "llama3_8b", "top": 250, "detail": "full"}
    async with Client(build_server()) as client:
        long = await client.call_tool("compare_hardware", asked)
        short = await client.call_tool("compare_hardware", asked | {"top": 5, "detail": "concise"})
    assert long.is_error
    assert "64 kB" in text(long)
    assert "top" in text(long)
    assert len(json.dumps(short.model_dump(mode="json"))) < 64_000


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_cancelled_call_stops_computing(mode: Any) -> None:
    server = build_server()
    async with Client(server, mode=mode) as client:
        with anyio.move_on_after(0.5):
            await client.call_tool(*LONG)
        await until(lambda: server.computing.calls == 0, PATIENCE_S)
        assert not (await client.call_tool(*SHORT)).is_error


async def test_a_client_that_goes_leaves_no_computing() -> None:
    server = build_server()
    async with Client(server) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, *LONG)
        await until(lambda: server.computing.calls == 1, 5)
        tasks.cancel_scope.cancel()
    await until(lambda: server.computing.calls == 0, PATIENCE_S)


async def test_a_long_call_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_memory_server.computing._TOLD_EVERY_S", 0.3)
    told: list[tuple[float, str]] = []

    async def tell(progress: float, _total: float | None, message: str | None) -> None:
        told.append((progress, message or ""))

    async with Client(build_server()) as client:
        with anyio.move_on_after(2):
            await client.call_tool(*LONG, progress_callback=tell)
    assert len(told) >= 2
    assert told[0][0] < PATIENCE_S
    assert [progress for progress, _ in told] == sorted({progress for progress, _ in told})
    assert all(message for _, message in told)


async def test_a_question_that_takes_too_long_is_refused_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "MOST_S", 0.6)
    monkeypatch.setattr(lanes_module, "LONGER_S", 0.3)
    with pytest.raises(WorkLimitError, match=r"more than 0\.6 s.*fewer devices"):
        await Computing(EVERYWHERE, requests_last=False).answer(lambda: call(*LONG), None)


async def test_short_calls_are_answered_beside_long_ones() -> None:
    server = build_server()
    async with Client(server) as client, anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(client.call_tool, *long(number))
        await until(lambda: server.computing.calls == 8, 5)
        for _ in range(10):
            begun = time.monotonic()
            assert not (await client.call_tool(*SHORT)).is_error
            # each long one takes many seconds, and they stand in line
            assert time.monotonic() - begun < PATIENCE_S
        assert server.computing.calls == 8
        tasks.cancel_scope.cancel()


async def test_a_hub_that_hangs_delays_only_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    # longer than the hub's own deadline
    monkeypatch.setattr(hub, "DEADLINE_S", 30.0)
    monkeypatch.setattr(hub._Download, "read", lambda _: released.wait(30) and b"")
    monkeypatch.setattr(hub, "kept", lambda _: None)
    server = build_server()
    try:
        async with Client(server) as client, anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(client.call_tool, "calculate_memory", {"model": f"acme/model-{number}"})
            await until(lambda: server.computing.calls == 12, 10)
            begun = time.monotonic()
            assert not (await client.call_tool(*SHORT)).is_error
            assert time.monotonic() - begun < PATIENCE_S
            assert server.computing.calls == 12
            tasks.cancel_scope.cancel()
        await until(lambda: server.computing.calls == 0, PATIENCE_S)
    finally:
        released.set()


async def test_all_calls_are_stopped_at_an_end() -> None:
    server: CalculatorServer = build_server()
    results: list[Any] = []

    async def ask(client: Client, number: int) -> None:
        results.append(await client.call_tool(*long(number)))

    async with Client(server) as client, anyio.create_task_group() as tasks:
        for number in (1, 2, 3, 3):
            tasks.start_soon(ask, client, number)
        await until(lambda: server.computing.calls == 3, 5)
        server.computing.stop()
        await until(lambda: len(results) == 4, PATIENCE_S)
    assert all(result.is_error and "stopped" in text(result) for result in results)


async def test_a_lane_lets_in_those_who_came_first() -> None:
    lane, lanes = Lane(1), Lanes()
    calls = [lanes.call() for _ in range(4)]
    let_in: list[int] = []
    lane.enter(calls[0])

    def follow(number: int) -> None:
        lane.enter(calls[number])
        let_in.append(number)
        lane.leave()

    async with anyio.create_task_group() as tasks:
        for number in (1, 2, 3):
            tasks.start_soon(to_thread.run_sync, follow, number)
            await until(lambda number=number: lane.waiting == number, 2)  # type: ignore[misc]
        lane.leave()
    assert let_in == [1, 2, 3]


async def test_who_is_stopped_in_a_queue_leaves_it() -> None:
    lane, lanes = Lane(1), Lanes()
    first, second = lanes.call(), lanes.call()
    lane.enter(first)
    second.stop()
    with pytest.raises(Stopped):
        await to_thread.run_sync(lane.enter, second)
    assert lane.waiting == 0
    lane.leave()
    assert lane.empty.is_set()


async def test_a_queue_is_not_endless() -> None:
    lane, lanes = Lane(1, 0), Lanes()
    lane.enter(lanes.call())
    with pytest.raises(BusyError, match="Ask again"):
        lane.enter(lanes.call())
    with pytest.raises(BusyError, match="Ask again"):
        await lane.enter_from_loop(lanes.call())


async def test_who_waits_on_the_loop_is_let_in_stopped_or_cancelled() -> None:
    lane, lanes = Lane(1), Lanes()
    first, second, third, fourth = (lanes.call() for _ in range(4))
    await lane.enter_from_loop(first)
    let_in: list[int] = []

    async def follow(number: int, call: Call) -> None:
        with suppress(Stopped):
            await lane.enter_from_loop(call)
            let_in.append(number)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow, 2, second)
        with anyio.move_on_after(0.05):
            await lane.enter_from_loop(third)
        tasks.start_soon(follow, 4, fourth)
        await until(lambda: lane.waiting == 2, 2)
        await to_thread.run_sync(fourth.stop)
        await until(lambda: lane.waiting == 1, 2)
        await to_thread.run_sync(lane.leave)
    assert let_in == [2]
    lane.leave()
    assert lane.empty.is_set()


async def test_a_call_that_ends_before_its_thread_begins_leaves_its_place() -> None:
    lanes = Lanes()
    call = lanes.call()
    async with lanes.under_way(call):
        assert lanes.calls == 1
    assert lanes.calls == 0
    assert lanes.lane(0)[0].empty.is_set()
    with pytest.raises(Stopped), lanes.in_thread(call):
        pytest.fail("a thread begins whose call has ended")


async def test_few_long_calls_have_begun_and_the_next_begins_where_one_ends() -> None:
    lanes = Lanes(short_s=0.0)
    read: list[int] = []
    begun: list[int] = []
    ended = [threading.Event() for _ in range(MOST_BEGUN + 2)]

    def work(number: int) -> None:
        call = lanes.call()
        with bounded(call), lanes.in_thread(call):
            read.append(number)
            call.look()
            # as one that waits for the next lane has no place in its own
            with call.waiting():
                begun.append(number)
                ended[number].wait(10)

    async with anyio.create_task_group() as tasks:
        for number in range(len(ended)):
            tasks.start_soon(to_thread.run_sync, work, number)
        await until(lambda: len(read) == len(ended) and len(begun) == MOST_BEGUN, 2)
        await anyio.sleep(0.05)
        assert len(begun) == MOST_BEGUN
        ended[begun[0]].set()
        await until(lambda: len(begun) == MOST_BEGUN + 1, 2)
        for event in ended:
            event.set()
    assert lanes.calls == 0
    assert lanes.begun.empty.is_set()


def test_a_call_that_no_lane_takes_is_refused_and_not_answered_without_what_was_left_out() -> None:
    lanes = Lanes(short_s=0.0)
    lanes.begun = Lane(0, 0)
    call = lanes.call()

    def search() -> None:
        with bounded(call), lanes.in_thread(call):
            # as it takes the refusal of a layout
            with suppress(CalculatorError):
                call.look()
            pytest.fail("the search goes on")

    with pytest.raises(Stopped):
        search()
    assert isinstance(call.refusal, BusyError)
    assert lanes.calls == 0


async def test_the_same_question_of_bundled_data_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(name: str, arguments: dict[str, Any]) -> Any:
        asked.append(str(arguments))
        return call(name, arguments)

    monkeypatch.setattr(tools, "call", counted)
    one, other = {"model": "llama3_8b"}, {"model": "llama3_8b", "batch_size": 2}
    server = build_server(NOWHERE)
    async with Client(server) as client, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(client.call_tool, "calculate_memory", one)
        tasks.start_soon(client.call_tool, "calculate_memory", other)
    # four begin at once
    assert 1 <= asked.count(str(one)) <= 4
    assert asked.count(str(other)) == 1


@pytest.mark.parametrize(
    ("reach", "arguments"),
    [
        pytest.param(NOWHERE, {"model": "acme/model-1"}, id="the hub is asked"),
        pytest.param(NOWHERE, {"model": "llama3_8b", "refresh": True}, id="the hub is asked anew"),
    ],
)
async def test_what_disk_or_hub_may_answer_otherwise_is_asked_again(
    reach: Reach, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def counted(name: str, arguments: dict[str, Any]) -> Any:
        asked.append(arguments)
        return call(name, arguments)

    monkeypatch.setattr(tools, "call", counted)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with Client(build_server(reach)) as client:
        for _ in range(2):
            await client.call_tool("calculate_memory", arguments)
    assert len(asked) == 2


async def test_an_answer_is_kept_until_a_folder_of_the_model_s_name_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Client(build_server(EVERYWHERE)) as client:
        before = await client.call_tool("calculate_memory", {"model": "llama3_8b"})
        assert await client.call_tool("calculate_memory", {"model": "llama3_8b"}) == before
        folder = tmp_path / "llama3_8b"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(GPT2), encoding="utf-8")
        after = await client.call_tool("calculate_memory", {"model": "llama3_8b"})
    assert before.structured_content is not None
    assert after.structured_content is not None
    assert before.structured_content["parameter_count"] == 8_030_261_248
    assert after.structured_content["parameter_count"] == 124_439_808


def test_what_was_not_asked_for_longest_is_let_go() -> None:
    kept: Remembered[int] = Remembered()
    for number in range(MOST + 1):
        kept.keep(str(number), number)
        assert kept.of("0") == 0
    assert kept.of("1") is None
    assert kept.of(str(MOST)) == MOST
    assert asked_by("tool", {"a": 1, "b": True}) == asked_by("tool", {"b": True, "a": 1})
    assert len({asked_by("tool", {"a": value}) for value in (1, 1.0, True, "1", None)}) == 5
    assert asked_by("tool", {"a": "x" * 10_000}) is None


async def test_the_bound_changes_no_answer() -> None:
    async with Client(build_server()) as client:
        result = await client.call_tool(*SHORT)
    assert text(result) == str(calculate_memory("llama3_8b"))
