"""The command `validate`: a table, a JSON document, and one sentence for a file that cannot be scored."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator.validation import BiasCell, CrossValidation, FitScore, Miss, Score, ValidationReport
from llm_memory_server import command_line
from llm_memory_server.command_line import main

Run = Callable[..., tuple[int, str, str]]

REPORT = ValidationReport(
    kind="vLLM start-up logs",
    rows=7,
    answered=3,
    flagged=2,
    refused={"no accelerator or total": 2},
    metrics={
        "weights_gib": Score(n=3, mape=12.5, median_ape=10.0, bias=-2.5, coverage_80=None),
        "kv_tokens": Score(n=2, mape=4.0, median_ape=4.0, bias=4.0, coverage_80=50.0),
        "fits": FitScore(n=3, right=100.0, borderline=1),
    },
    by={"H100_SXM": {"weights_gib": Score(n=1, mape=33.3, median_ape=33.3, bias=33.3, coverage_80=100.0)}},
    bias_by=(
        BiasCell(
            by="concurrency",
            cell="4 to 16",
            metric="tpot_ms",
            n=40,
            ratio=0.91,
            off=True,
            coverage_80=93.0,
            coverage_off=True,
        ),
        BiasCell(by="concurrency", cell="4 to 16", metric="ttft_ms", n=30, ratio=1.01, off=False),
    ),
    cross_validated=CrossValidation(
        left_out="model",
        groups=2,
        metrics={"kv_tokens": Score(n=2, mape=6.0, median_ape=5.0, bias=1.0, coverage_80=100.0)},
        by={"a/b": {"kv_tokens": Score(n=1, mape=7.0, median_ape=7.0, bias=7.0, coverage_80=100.0)}},
    ),
    worst=(Miss(row=4, model="a/b", metric="kv_tokens", measured=80000, estimated=100000, error=25.0),),
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: its arguments in; exit code, output and errors out."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", "validate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The report above in place of an answer, and what was asked for it."""
    calls: list[tuple[Any, ...]] = []

    def answer(path: str, **asked: Any) -> ValidationReport:
        calls.append((path, asked))
        return REPORT

    monkeypatch.setattr("llm_memory_calculator.validation.validate", answer)
    return calls


def test_the_document_is_the_report(run: Run, asked: list[tuple[Any, ...]]) -> None:
    code, out, _ = run(
        "rows.csv", "--by", "system", "--cross-validate", "model", "--configs", "folder", "--all", "--json"
    )
    assert code == 0
    how = {"by": "system", "cross_validate": "model", "configs": "folder", "all_rows": True}
    assert asked == [("rows.csv", how)]
    found = json.loads(out)
    parts = ["kind", "rows", "answered", "flagged", "refused", "metrics", "by", "bias_by", "cross_validated", "worst"]
    assert list(found) == parts
    assert found["refused"] == {"no accelerator or total": 2}
    scores = {"n": 3, "mape": 12.5, "median_ape": 10.0, "bias": -2.5, "coverage_80": None}
    assert found["metrics"]["weights_gib"] == scores
    assert found["metrics"]["fits"] == {"n": 3, "right": 100.0, "borderline": 1}
    assert found["by"]["H100_SXM"]["weights_gib"]["coverage_80"] == 100.0
    cell = {"by": "concurrency", "cell": "4 to 16", "metric": "tpot_ms", "n": 40, "ratio": 0.91, "off": True}
    assert found["bias_by"][0] == cell | {"coverage_80": 93.0, "coverage_off": True}
    left_out = found["cross_validated"]
    assert (left_out["left_out"], left_out["groups"]) == ("model", 2)
    assert left_out["metrics"]["kv_tokens"]["mape"] == 6.0
    miss = {"row": 4, "model": "a/b", "metric": "kv_tokens", "measured": 80000, "estimated": 100000, "error": 25.0}
    assert found["worst"] == [miss]


def test_the_table_says_all_of_it(run: Run, asked: list[tuple[Any, ...]]) -> None:
    code, out, _ = run("rows.csv")
    assert code == 0
    assert asked == [("rows.csv", {"by": None, "cross_validate": None, "configs": None, "all_rows": False})]
    assert "7 rows (vLLM start-up logs): 3 answered, 2 flagged and left out, 2 refused." in out
    lines = [line.split() for line in out.splitlines()]
    assert ["weights_gib", "3", "12.5", "10.0", "-2.5", "-"] in lines
    assert ["kv_tokens", "2", "4.0", "4.0", "+4.0", "50"] in lines
    assert ["fits", "3", "100.0", "(1", "borderline)"] in lines
    assert ["H100_SXM", "weights_gib", "1", "33.3", "33.3", "+33.3", "100"] in lines
    assert ["concurrency", "4", "to", "16", "0.91*", "(40,", "93", "%*)", "1.01", "(30)"] in lines
    assert "Each of 2 groups by model left out" in out
    assert ["kv_tokens", "2", "6.0", "5.0", "+1.0", "100"] in lines
    assert ["a/b", "kv_tokens", "1", "7.0", "7.0", "+7.0", "100"] in lines
    assert ["no", "accelerator", "or", "total", "2"] in lines
    assert ["4", "a/b", "kv_tokens", "80,000", "100,000", "+25.0"] in lines


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, [], "There is no file"),
        ("", [], "is empty"),
        ("a,b\n1,2\n", [], "weights_gib_per_gpu"),
        ("model,outcome\n", ["--by", "colour"], "model, system, engine"),
        ("model,outcome\n", ["--cross-validate", "colour"], "model, system, engine"),
        ("model,outcome\n", ["--configs", "nowhere"], "is no folder"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence_and_exit_code_2(
    content: str | None, arguments: list[str], message: str, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "rows.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    code, out, err = run(path, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_the_command_line_starts_without_it() -> None:
    assert "validation" not in vars(command_line)


def test_rows_are_made_factors_that_an_estimate_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    path, mine = tmp_path / "rows.csv", tmp_path / "mine.json"
    header = "model,hardware,engine,devices,concurrency,input_tokens,output_tokens,tpot_ms"
    # one H100 SXM reads Qwen3-8B's 16.4 GB in 4.9 ms
    path.write_text(f"{header}\nQwen/Qwen3-8B,H100,vllm,1,1,1024,256,20\n", encoding="utf-8")
    lines = [line.split()[:5] for line in call("calibrate", path).splitlines()]
    assert ["tpot", "vllm", "H100_SXM", "Qwen/Qwen3-8B", "1"] in lines
    mine.write_text(call("calibrate", path, "--json"), encoding="utf-8")
    (factor,) = json.loads(mine.read_text(encoding="utf-8"))["factors"]
    asked = ("performance", "Qwen/Qwen3-8B", "--hardware", "H100", "--engine", "vllm", "--tensor-parallel", 1, "--json")
    plain, found = json.loads(call(*asked)), json.loads(call(*asked, "--calibration", mine))
    assert factor["factor"] > 1
    assert found["tpot_ms"] == pytest.approx(plain["tpot_ms"] * factor["factor"])
