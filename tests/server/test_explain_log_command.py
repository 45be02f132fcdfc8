"""The command that explains a start-up log, and the calibration that it writes."""

# the lines of a log are as long as the engines print them
# ruff: noqa: E501

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from llm_memory_server.command_line import main

# llm-d-planner pull request 205
LOG = """
INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='Qwen/Qwen2.5-7B-Instruct', max_seq_len=8192
INFO [gpu_model_runner.py:4800] Model loading took 14.25 GiB memory and 3.1 seconds
DEBUG [gpu_worker.py:360] Initial free memory: 78.65 GiB; Requested memory: 0.95 (util), 75.23 GiB
INFO [gpu_worker.py:390] Available KV cache memory: 58.53 GiB
INFO:     Application startup complete.
"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_log_s_calibration_is_written_and_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log, file = tmp_path / "start.log", tmp_path / "h100.json"
    log.write_text(LOG)
    assert run(monkeypatch, "explain-log", log, "--calibration", file, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["outcome"] == "started"
    assert json.loads(file.read_text()) == report["calibration"]
    asked = ("memory", "Qwen/Qwen2.5-7B-Instruct", "--hardware", "H100", "--gpu-memory-utilization", 0.95)
    assert run(monkeypatch, *asked, "--seq-length", 8192, "--calibration", file, "--json") == 0
    assert json.loads(capsys.readouterr().out)["startup"]["cache_room_bytes"] == round(58.53 * 2**30)


def test_a_log_is_read_from_standard_input_and_shown_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOG.encode()), encoding="utf-8"))
    assert run(monkeypatch, "explain-log", "-") == 0
    shown = capsys.readouterr().out
    assert "it started" in shown
    assert "weights" in shown


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (None, (), "FILE must be a start-up log"),
        ("nothing", (), "No line of a start-up log"),
        (LOG.replace("Qwen/Qwen2.5-7B-Instruct", "/data/ours"), ("--calibration", "out.json"), "no calibration"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(
    text: str | None,
    options: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "start.log"
    if text is not None:
        log.write_text(text)
    assert run(monkeypatch, "explain-log", log, *options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
