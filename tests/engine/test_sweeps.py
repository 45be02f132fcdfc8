"""Sweeps: a row a model, accelerator and workload, the same over whatever executor; files that are gone on with."""

import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas
import pytest

from llm_memory_calculator import (
    ArgumentError,
    CalculatorError,
    SweepReport,
    all_accelerators,
    compare_hardware,
    load_model,
    set_hardware_db_path,
    sweep,
)
from llm_memory_calculator.sweeps import output, own_workers, rows
from llm_memory_calculator.sweeps.flight import workers_of

MODELS = ["llama3.1_8b", "gpt2", "no-such-model"]
HARDWARE = ["H100", "T4"]
WORKLOADS = [{"batch_size": 1}, {"batch_size": 8, "precision": "fp8"}]
QUESTION: dict[str, Any] = {"models": MODELS, "hardware": HARDWARE, "workloads": WORKLOADS}
CARD = {"name": "mine", "Flops": 312, "Memory_size": 80, "Memory_BW": 2039}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def expected() -> pandas.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        return sweep(**QUESTION)


def test_there_is_a_row_for_each_model_workload_and_accelerator(expected: pandas.DataFrame) -> None:
    asked = [
        (model, load["batch_size"], hardware)
        for model in MODELS
        for load in WORKLOADS
        for hardware in ("H100_SXM", "T4")
    ]
    assert list(zip(expected.model, expected.batch_size, expected.hardware, strict=True)) == asked
    assert set(expected.input_tokens) == {2048}
    assert list(expected.precision.dropna().unique()) == ["fp8"]


def test_a_row_is_what_the_comparison_says(expected: pandas.DataFrame) -> None:
    report = compare_hardware("llama3.1_8b", HARDWARE, batch_size=8, precision="fp8")
    for row in report.rows:
        found = expected.query("model == 'llama3.1_8b' and batch_size == 8 and hardware == @row.hardware").iloc[0]
        assert row.layout is not None
        assert row.tpot_interval_ms is not None
        assert (found.ttft_ms, found.tpot_ms, found.devices) == (
            row.layout.ttft_ms,
            row.layout.tpot_ms,
            row.layout.devices,
        )
        assert (found.tpot_low_ms, found.tpot_high_ms) == (row.tpot_interval_ms.low, row.tpot_interval_ms.high)
        assert found.output_tokens_per_s == row.layout.output_tokens_per_s
        assert found.output_tokens_per_s_per_device == found.output_tokens_per_s / found.devices
        assert found.evidence == row.evidence


def test_a_million_tokens_cost_the_hour_s_price_over_the_hour_s_tokens(expected: pandas.DataFrame) -> None:
    priced = expected[expected.usd_per_hour.notna()]
    millions_an_hour = priced.output_tokens_per_s * 3600 / 1e6
    assert list(priced.usd_per_million_output_tokens * millions_an_hour) == pytest.approx(list(priced.usd_per_hour))


def test_what_cannot_be_answered_is_a_row_with_its_sentence() -> None:
    found = sweep(["no-such-model", "bert-base-uncased", "llama3.1_405b"], ["T4"])
    assert found.tpot_ms.isna().all()
    for error, words in zip(found.error, ("no-such-model", "encoder", "fits on no layout"), strict=True):
        assert words in error
        assert "\n" not in error


def test_a_fault_with_one_model_is_a_row_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows.each_compared

    def faulty(question: Any, hardware: Any) -> Any:
        if question.model.name == load_model("gpt2").name:
            raise KeyError("n_layer")
        return whole(question, hardware)

    monkeypatch.setattr(rows, "each_compared", faulty)
    faulted, answered = sweep(["gpt2", "llama3.1_8b"], "H100").error
    assert "KeyError: 'n_layer'" in faulted
    assert pandas.isna(answered)


def test_hardware_is_named_one_by_one_all_or_what_is_rented() -> None:
    def names(hardware: Any) -> list[str]:
        return list(sweep("no-such-model", hardware).hardware)

    assert names("8xH100") == ["8xH100_SXM"]
    assert names(["h100 sxm", "H100", "L4", CARD]) == ["H100_SXM", "L4", "mine"]
    assert names("all") == [entry.name for entry in all_accelerators()]
    assert 10 < len(names(None)) < len(names("all"))


def test_devices_are_those_of_the_name_or_of_the_workload() -> None:
    found = sweep("llama3.1_8b", ["2xH100", "L4"], [{"devices": 2}])
    assert list(found.devices) == [2, 2]
    assert list(found.devices_asked) == [2, 2]


def test_what_workloads_share_stands_beside_them() -> None:
    found = sweep("gpt2", "L4", [{"batch_size": 1}, {"batch_size": 2, "output_tokens": 7}], output_tokens=5)
    assert list(found.output_tokens) == [5, 7]


def test_a_config_is_named_by_its_content() -> None:
    config = {**_LLAMA, "_name_or_path": "mine"}
    found = sweep([config, {**config, "num_hidden_layers": 3}], "L4")
    first, second = found.model
    assert first.startswith("mine ")
    assert first != second
    assert found.error.isna().all()


_LLAMA = {
    "model_type": "llama",
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "vocab_size": 1000,
    "max_position_embeddings": 4096,
}


@contextmanager
def dask() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        yield client.get_executor()


EXECUTORS: dict[str, Callable[[], Any]] = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    "dask": dask,
}


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_executor_gives_the_same_rows(name: str, expected: pandas.DataFrame) -> None:
    with EXECUTORS[name]() as executor:
        assert workers_of(executor) == 2
        found = sweep(**QUESTION, executor=executor)
    pandas.testing.assert_frame_equal(found, expected)


def test_workers_without_an_executor_are_processes_of_this_machine(expected: pandas.DataFrame) -> None:
    pandas.testing.assert_frame_equal(sweep(**QUESTION, workers=2), expected)


@dataclass
class Recording:
    """An executor that answers at once, or not at all after `answered` tasks."""

    answered: int = 1_000_000
    failure: Exception | None = None
    tasks: list[bytes] = field(default_factory=list)
    futures: list[Future[Any]] = field(default_factory=list)
    most: int = 0

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        self.tasks.append(pickle.dumps((function, arguments)))
        future: Future[Any] = Future()
        self.futures.append(future)
        self.most = max(self.most, sum(not one.done() for one in self.futures))
        if len(self.futures) <= self.answered:
            future.set_result(function(*arguments))
        elif self.failure is not None:
            future.set_exception(self.failure)
        return future


def test_a_task_is_small_and_hardware_of_one_s_own_goes_with_it(tmp_path: Path) -> None:
    executor = Recording()
    sweep(["gpt2"], None, executor=executor, workers=1)
    # an accelerator with its sources is some 5 kB
    assert len(executor.tasks[0]) < 10_000
    (tmp_path / "mine.json").write_text('{"name": "my-card", "Flops": 312, "Memory_size": 80, "Memory_BW": 2039}')
    set_hardware_db_path(tmp_path)
    try:
        sweep(["gpt2"], "my-card", executor=executor, workers=1)
    finally:
        set_hardware_db_path(None)
    # a worker that knows nothing of the folder
    function, arguments = pickle.loads(executor.tasks[1])
    assert [row.error for row in function(*arguments)] == [None]


def test_no_more_is_in_flight_than_four_tasks_a_worker() -> None:
    executor = Recording(answered=0)
    ends = iter([False] * 20)
    names = [f"no-model-{number}" for number in range(50)]
    found = sweep(names, "L4", executor=executor, workers=3, cancelled=lambda: next(ends, True))
    assert len(found) == 0
    assert executor.most == len(executor.futures) == 12


def test_progress_is_told_of_models(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    file = tmp_path / "x.csv"
    sweep(MODELS[:1], "L4", output=file)
    sweep(MODELS, "L4", output=file, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_sweep_that_is_cancelled_waits_for_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def search(*_: Any) -> Iterator[Any]:
        begun.set()
        let_go.wait(20)
        return iter(())

    monkeypatch.setattr(rows, "each_compared", search)
    try:
        found = sweep(**QUESTION, cancelled=begun.is_set)
        assert not let_go.is_set()
    finally:
        let_go.set()
    assert len(found) == 0


def test_a_sweep_that_is_cancelled_ends_soon_and_takes_back_what_is_not_begun(tmp_path: Path) -> None:
    executor = Recording(answered=1)
    began = time.monotonic()
    report = sweep(
        **QUESTION,
        executor=executor,
        workers=1,
        output=tmp_path / "x.csv",
        cancelled=lambda: time.monotonic() - began > 0.3,
    )
    assert time.monotonic() - began < 0.3 + 0.5
    assert isinstance(report, SweepReport)
    assert (report.answered, report.rows, report.abandoned, report.complete) == (1, 4, 2, False)
    assert "2 were under way when it was cancelled" in str(report)
    assert all(future.cancelled() for future in executor.futures[1:])
    assert set(pandas.read_csv(tmp_path / "x.csv").model) == {MODELS[0]}


class Slow(Future[Any]):
    """A task that runs on, of an executor that is slow to say so."""

    def cancel(self) -> bool:
        time.sleep(5)
        return False


class Far:
    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        return Slow()


def test_an_executor_that_is_slow_to_cancel_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[float] = []

    def cancelled() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 10

    assert len(sweep(**QUESTION, executor=Far(), workers=1, cancelled=cancelled)) == 0
    assert time.monotonic() - asked[10] < 1.0
    assert "3 were under way" in caplog.text


def test_processes_that_are_ended_while_they_begin_end_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    ends = iter([False] * 4)
    assert len(sweep(**QUESTION, workers=2, cancelled=lambda: next(ends, True))) == 0
    for thread in threading.enumerate():
        if thread.name == own_workers.WINDING_UP:
            thread.join()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("executor", [None, "threads"])
def test_what_came_before_an_interrupt_is_in_the_file(executor: str | None, tmp_path: Path) -> None:
    def interrupt(done: int, _: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    pool = Recording() if executor else None
    with pytest.raises(KeyboardInterrupt):
        sweep(**QUESTION, executor=pool, workers=pool and 1, output=tmp_path / "x.csv", progress=interrupt)
    assert len(pandas.read_csv(tmp_path / "x.csv")) == 4


def test_an_error_of_the_executor_is_raised_after_what_came(tmp_path: Path) -> None:
    executor = Recording(answered=1, failure=BrokenExecutor("a worker died"))
    with pytest.raises(BrokenExecutor, match="a worker died"):
        sweep(**QUESTION, executor=executor, workers=1, output=tmp_path / "x.csv")
    assert set(pandas.read_csv(tmp_path / "x.csv").model) == {MODELS[0]}


def test_a_csv_file_has_what_the_table_has(tmp_path: Path, expected: pandas.DataFrame) -> None:
    report = sweep(**QUESTION, output=tmp_path / "x.csv")
    assert isinstance(report, SweepReport)
    assert (report.rows, report.errors, report.complete) == (12, 4, True)
    assert "12 rows" in str(report)
    assert list(pandas.read_csv(tmp_path / "x.csv").columns) == list(expected.columns)
    expected.to_csv(tmp_path / "expected.csv", index=False)
    assert (tmp_path / "x.csv").read_text() == (tmp_path / "expected.csv").read_text()


def test_a_file_that_was_cut_off_anywhere_is_made_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    sweep(**QUESTION, output=file)
    whole = file.read_bytes()
    for end in [0, 1, 60, *range(200, len(whole), 211), len(whole) - 1, len(whole)]:
        file.write_bytes(whole[:end])
        sweep(**QUESTION, output=file)
        assert file.read_bytes() == whole


def test_a_name_that_is_no_text_or_no_line_is_gone_on_with(tmp_path: Path) -> None:
    names = ["two\nlines", "no\udcfftext", 'quoted, "so"']
    hardware = {**CARD, "name": "my card"}
    sweep(names, hardware, output=tmp_path / "x.csv")
    report = sweep(names, hardware, output=tmp_path / "x.csv")
    assert isinstance(report, SweepReport)
    assert (report.kept, report.answered) == (3, 0)


def test_models_of_a_file_are_not_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    sweep(**{**QUESTION, "models": MODELS[1:]}, output=file)
    executor = Recording()
    report = sweep(**QUESTION, output=file, executor=executor, workers=1)
    assert isinstance(report, SweepReport)
    assert (report.kept, report.answered, len(executor.tasks)) == (2, 1, 1)
    assert list(pandas.read_csv(file).model.unique()) == [*MODELS[1:], MODELS[0]]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"hardware": ["H100"]}, "its hardware or its workloads"),
        ({"hardware": ["H100", "L4"]}, "its hardware or its workloads"),
        ({"hardware": ["H100", "T4", "L4"]}, "its hardware or its workloads"),
        ({"workloads": WORKLOADS[:1]}, "other columns (precision)"),
        ({"workloads": [WORKLOADS[0], {"batch_size": 8, "precision": "int4"}]}, "its hardware or its workloads"),
        ({"goal": "latency"}, "other columns (goal)"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_of_another_question_is_refused(kind: str, other: dict[str, Any], words: str, tmp_path: Path) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    file = tmp_path / f"x.{kind}"
    quick = {**QUESTION, "models": ["no-model-1", "no-model-2"]}
    sweep(**quick, output=file)
    with pytest.raises(ArgumentError) as refused:
        sweep(**{**quick, **other}, output=file)
    assert words in str(refused.value)


def test_a_file_of_something_else_is_refused_and_left(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("name,value\na,1\n")
    with pytest.raises(ArgumentError, match="another question"):
        sweep(**QUESTION, output=file)
    assert file.read_text() == "name,value\na,1\n"


def test_a_folder_of_parquet_is_one_table_and_gone_on_with(tmp_path: Path, expected: pandas.DataFrame) -> None:
    pytest.importorskip("pyarrow")
    folder = tmp_path / "x.parquet"
    sweep(**{**QUESTION, "models": MODELS[:2]}, output=folder)
    # what an end in the middle of a part leaves
    (folder / ".unfinished").write_bytes(b"PAR1")
    report = sweep(**QUESTION, output=folder)
    assert isinstance(report, SweepReport)
    assert (report.kept, report.answered) == (2, 1)
    found = pandas.read_parquet(folder)
    pandas.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert len(list(folder.glob("*.parquet"))) == 2


def test_a_part_is_written_once_there_is_enough_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(output.ParquetParts, "ROWS", 4)
    sweep(**QUESTION, output=tmp_path / "x.parquet")
    assert len(list((tmp_path / "x.parquet").iterdir())) == 3


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ArgumentError, match=r"llm-memory-calculator\[parquet\]"):
        sweep(**QUESTION, output=tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"models": []}, "models must be one or a list"),
        ({"models": [7]}, "models must be names"),
        ({"hardware": []}, "hardware must be a list"),
        ({"hardware": "H1000"}, "H100"),
        ({"hardware": [CARD, {**CARD, "Flops": 100}]}, "two of the name 'mine'"),
        ({"hardware": "8xH100", "devices": 4}, "leave devices out"),
        ({"workloads": [7]}, "workloads must be an object"),
        ({"workloads": {"batch": 1}}, "It is batch_size here"),
        ({"workloads": {"batch_size": 0}}, "batch_size must be between"),
        ({"workloads": [{"batch_size": 1}, {}]}, "the same twice"),
        ({"executor": 8}, "executor must have submit"),
        ({"executor": ThreadPoolExecutor}, "executor must have submit"),
        ({"progress": 8}, "progress must be a function"),
        ({"workers": 0}, "workers must be"),
        ({"detail": "full"}, "concise"),
        ({"output": "x.txt"}, "must end in .csv or .parquet"),
        ({"output": "no-such-folder/x.csv"}, "make 'no-such-folder' first"),
        ({"batchsize": 1}, "Did you mean 'batch_size'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_asked_is_refused_at_once(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(CalculatorError) as refused:
        sweep(**{**QUESTION, **asked})
    assert words in str(refused.value)
