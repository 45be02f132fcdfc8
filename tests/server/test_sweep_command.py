"""The command of sweeps: rows to a file or to the output, and a bar only where people watch."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from llm_memory_server.command_line import main
from llm_memory_server.progress import shown_progress

from .llama import CONFIG

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", "sweep", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


QUESTION = ("gpt2", "llama3.1_8b", "--hardware", "H100", "--hardware", "L4", "--batch-size", 4)


def test_rows_are_printed_where_no_file_is_named(run: Run) -> None:
    code, table, errors = run(*QUESTION)
    assert (code, errors) == (0, "")
    found = pandas.read_csv(io.StringIO(table))
    assert list(found.model) == ["gpt2", "gpt2", "llama3.1_8b", "llama3.1_8b"]
    assert set(found.batch_size) == {4}
    documents = json.loads(run(*QUESTION, "--json")[1])
    assert [row["hardware"] for row in documents] == list(found.hardware)
    assert [row["tpot_ms"] for row in documents] == pytest.approx(list(found.tpot_ms))


def test_a_file_is_gone_on_with(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    assert run(*QUESTION, "--output", file)[1].startswith(f"{file}: 4 rows of 2 of 2 models were added")
    assert json.loads(run("nothing", *QUESTION, "--output", file, "--json")[1]) == {
        "output": str(file),
        "models": 3,
        "kept": 2,
        "answered": 1,
        "rows": 2,
        "errors": 2,
        "abandoned": 0,
        "complete": True,
    }
    assert len(pandas.read_csv(file)) == 6


def test_models_and_workloads_are_read_from_files_and_the_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models.txt").write_text("gpt2\n\nllama3.1_8b\n")
    (tmp_path / "loads.json").write_text('[{"batch_size": 1}, {"batch_size": 2}]')
    monkeypatch.setattr(sys, "stdin", io.StringIO("qwen3_8b\n"))
    loads = ("--workloads", tmp_path / "loads.json", "--workloads", '{"batch_size": 3}')
    code, table, _ = run(tmp_path / "models.txt", "-", json.dumps(CONFIG), "--hardware", "L4", *loads)
    assert code == 0
    found = pandas.read_csv(io.StringIO(table))
    assert list(found.batch_size) == [1, 2, 3] * 4
    assert list(found.model.unique())[:3] == ["gpt2", "llama3.1_8b", "qwen3_8b"]
    assert list(found.model)[-1].startswith("config ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gpt2", "--hardware", "H1000"], "H100"),
        (["gpt2", "--hardware", "L4", "--output", "x.txt"], ".parquet"),
        (["gpt2", "--workloads", "7"], "workloads must be an object"),
        (["gpt2", "--workloads", "[{"], "workloads must be JSON text"),
        (["no-such-file.txt"], "models must be names or a .txt file"),
        ([], "MODEL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(arguments: list[str], words: str, run: Run) -> None:
    code, printed, errors = run(*arguments)
    assert (code, printed) == (2, "")
    assert words in errors
    assert len(errors.strip().splitlines()) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("watched", [True, False])
def test_a_bar_is_drawn_beside_the_output_where_people_watch(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout, stderr = (Terminal(), Terminal()) if watched else (io.StringIO(), io.StringIO())
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    with shown_progress() as progress:
        assert (progress is not None) is watched
        if progress is not None:
            progress(3, 8)
    assert ("3/8" in stderr.getvalue()) is watched
    assert stdout.getvalue() == ""
