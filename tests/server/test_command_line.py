"""The command line: every question with tables and with --json, and one sentence for what cannot be."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import __version__
from llm_memory_server.command_line import main

Run = Callable[..., Any]

CONFIG = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
    "torch_dtype": "float16",
}
LLAMA_2_7B = 6_738_415_616


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process: its arguments in, what it printed and its exit code out."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Done(returncode=code if isinstance(code, int) else 0, stdout=printed.out, stderr=printed.err)

    return call


@pytest.mark.parametrize(
    "arguments",
    [
        ["memory", "llama3_70b", "--tensor-parallel", 4],
        ["inspect", "gpt-oss-20b"],
        ["performance", "llama3.1_8b", "--hardware", "H100"],
        ["parallelism", "llama3.1_8b", "--hardware", "H100", "--goal", "latency"],
        ["compare", "llama3.1_8b", "--hardware", "rtx 4090", "--hardware", "T4"],
        ["batch", "llama3.1_8b", "--memory-gb", 24],
        ["hardware"],
        ["hardware", "h100"],
        ["models", "qwen3"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_every_question_is_answered_as_a_table_and_as_json(arguments: list[object], run: Run) -> None:
    table = run(*arguments)
    assert table.returncode == 0
    assert table.stdout.strip()
    assert "…" not in table.stdout
    document = run(*arguments, "--json")
    assert document.returncode == 0
    assert json.loads(document.stdout)


@pytest.mark.parametrize("variable", ["COLUMNS=40", "NO_COLOR=1", "FORCE_COLOR=1", "TERM=dumb", "TERMINAL_WIDTH=30"])
def test_no_variable_of_a_terminal_cuts_what_is_piped(variable: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    question = ("compare", "llama3.1_8b", "--hardware", "rtx 4090", "--hardware", "T4")
    table, document = run(*question).stdout, run(*question, "--json").stdout
    monkeypatch.setenv(*variable.split("="))
    assert re.sub(r"\x1b\[[\d;]*m", "", run(*question).stdout) == table
    assert run(*question, "--json").stdout == document


def test_inspect_gives_the_counts(tmp_path: Path, run: Run) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    for model in (tmp_path, tmp_path / "config.json"):
        found = json.loads(run("inspect", model, "--json").stdout)
        assert found["parameter_count"] == found["active_parameter_count"] == LLAMA_2_7B
        assert found["embedding_parameter_count"] == 32000 * 4096
        assert found["kv_cache_bytes_per_token"] == 32 * 2 * 4096 * 2
        assert (found["model_type"], found["attention_type"]) == ("llama", "MHA")


def test_memory_gives_the_bytes(tmp_path: Path, run: Run) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    answer = run("memory", tmp_path, "--batch-size", 2, "--seq-length", 4096, "--precision", "bf16", "--json")
    found = json.loads(answer.stdout)
    assert found["weight_memory_bytes"] == 2 * LLAMA_2_7B
    assert found["kv_cache_bytes"] == 4_294_967_296
    assert found["state_memory_bytes"] == 0
    parts = ("weight_memory_bytes", "kv_cache_bytes", "activation_memory_bytes", "extra_work_bytes")
    assert sum(found[part] for part in parts) == found["total_memory_bytes"]
    assert found["total_memory_gb"] == pytest.approx(found["total_memory_bytes"] / 1e9)
    assert found["can_fit_24gb_gpu"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["memory", "no-such-model"], "no-such-model"),
        (["memory", "./no-such-file.json"], "no such file"),
        (["memory", "llama3_70b", "--batch-size", 0], "batch_size"),
        (["memory", "llama3_70b", "--precision", "fp88"], "fp8"),
        (["memory", "llama3_70b", "--memory-gb", "nan"], "memory_gb"),
        (["performance", "llama3_70b", "--hardware", "H1000"], "H100"),
        (["performance", "llama3_70b", "--hardware", "T4", "--tensor-parallel", 1], "needs"),
        (["parallelism", "llama3_70b", "--hardware", "T4", "--devices", 1], "devices would do"),
        (["batch", "llama3_70b"], "memory_gb"),
        (["hardware", "H1OO"], "H100"),
        (["models", "zzz"], "zzz"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else value,
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(arguments: list[object], message: str, run: Run) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["memory"], ["nothing"], ["memory", "x", "--batch-size", "many"], ["memory", "x", "--no"]]
)
def test_usage_errors_are_one_sentence_and_exit_code_2(arguments: list[str], run: Run) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("question", [["memory", "gpt2"], ["models"], ["memory", "gpt2", "--json"]])
def test_a_reader_that_has_gone_is_no_error(question: list[str]) -> None:
    command = [sys.executable, "-m", "llm_memory_calculator", *question]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "content",
    [
        '{"hidden_size": 1, "hidden_size": 2}',
        "",
        "{",
        "[]",
        "7",
        '{"model_type": "llama"}',
        "[" * 100_000,
        '{"a": NaN}',
    ],
)
def test_a_bad_file_is_one_sentence(content: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    done = run("memory", tmp_path / "config.json")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_version_is_the_package_s(run: Run) -> None:
    assert run("--version").stdout.strip() == __version__


def test_the_module_runs_as_a_process_without_a_traceback() -> None:
    command = [sys.executable, "-m", "llm_memory_calculator", "memory", "llama3_70b", "--batch-size", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: batch_size")
    assert "Traceback" not in done.stderr


def test_a_memory_question_loads_neither_mcp_nor_pandas() -> None:
    code = (
        "import sys; sys.argv = ['x', 'memory', 'llama3_70b', '--json']\n"
        "from llm_memory_server.command_line import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('mcp', 'pandas', 'numpy', 'huggingface_hub')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"
