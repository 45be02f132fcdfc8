"""The command line: every question with tables and with --json, and one sentence for what cannot be."""

import inspect
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

import llm_memory_calculator
from llm_memory_calculator import __version__
from llm_memory_server.command_line import main

from .llama import CONFIG, LLAMA_2_7B

Run = Callable[..., Any]


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


@pytest.mark.parametrize(
    ("arguments", "words", "field"),
    [
        (["batch", "llama3.1_8b", "--hardware", "H100", "--find", "context"], "longest context", "longest_context"),
        (["batch", "llama3.1_8b", "--hardware", "H100", "--find", "tokens"], "KV cache in the room", "kv_tokens"),
        (["batch", "llama3.1_8b", "--hardware", "H100", "--mix", "2048:0.7,8192:0.3"], "share of the mix", "mix"),
        (["batch", "llama3.1_8b", "--hardware", "H100", "--mix", '{"2048": 7, "8192": 3}'], "0.7", "mix"),
        (["memory", "llama3_70b", "--hardware", "H100", "--find", "devices"], "fewest devices", "fewest_devices"),
        (["memory", "llama3.1_8b", "--find", "device"], "Smallest devices that hold it", "smallest_devices"),
    ],
    ids=lambda value: " ".join(map(str, value[-2:])) if isinstance(value, list) else "",
)
def test_a_question_turned_round_is_answered_in_its_table_and_as_json(
    arguments: list[object], words: str, field: str, run: Run
) -> None:
    table = run(*arguments)
    assert table.returncode == 0, table.stderr
    assert words in table.stdout
    assert json.loads(run(*arguments, "--json").stdout)[field]


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
        (
            ["parallelism", "llama3_70b", "--hardware", "T4", "--devices", 1, "--batch-size", 10**6],
            "larger accelerator",
        ),
        (["batch", "llama3_70b"], "memory_gb"),
        (["hardware", "H1OO"], "H100"),
        (["models", "zzz"], "zzz"),
        (["memory"], "config"),
        (["memory", "llama3_70b", "--config", "{}"], "not both"),
        (["memory", "--config", "gpt2"], "config must be an object"),
        (["memory", "--config", '{"model_type"'], "config must be JSON text"),
        (["memory", "llama3_70b", "--lora-config", "no-such-file.json"], "no-such-file.json"),
        (["memory", "llama3_70b", "--image-resolution", "largest"], "image_resolution"),
        (["memory", "llama3_70b", "--target-modules", "q_projj"], "q_proj"),
        (["parallelism", "llama3_70b", "--hardware", "H100", "--goal", "latencyy"], "latency"),
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


@pytest.mark.parametrize("question", [["models"], ["memory", "gpt2", "--json"]])
def test_a_reader_that_has_gone_is_no_error(question: list[str]) -> None:
    command = [sys.executable, "-m", "llm_memory_calculator", *question]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("question", [["models", "--json"], ["--version"]])
def test_a_closed_output_is_no_error(question: list[str]) -> None:
    command = ["sh", "-c", 'exec "$0" "$@" >&-', sys.executable, "-m", "llm_memory_calculator", *question]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60)
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


# Each command and the public function that it asks.
QUESTIONS = {
    "memory": "calculate_memory",
    "inspect": "inspect_model",
    "performance": "estimate_performance",
    "parallelism": "best_parallelism",
    "compare": "compare_hardware",
    "batch": "max_batch_size",
}


@pytest.mark.parametrize("command", QUESTIONS)
def test_all_that_python_takes_a_command_takes_but_the_hub_s_token(
    command: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    taken = inspect.signature(getattr(llm_memory_calculator, QUESTIONS[command])).parameters
    shown = run(command, "--help").stdout
    assert "MODEL" in shown
    assert "--token" not in shown
    for name in [*taken, "config", "json", "explain"]:
        if name not in ("model", "model_id_or_config", "token"):
            assert f"--{name.replace('_', '-')}" in shown


def test_a_config_is_taken_as_text_and_as_a_file(tmp_path: Path, run: Run) -> None:
    (tmp_path / "own.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    for config in (json.dumps(CONFIG), tmp_path / "own.json"):
        found = json.loads(run("memory", "--config", config, "--json").stdout)
        assert found["parameter_count"] == LLAMA_2_7B


def test_custom_hardware_is_taken_as_text_as_a_file_and_in_a_list(tmp_path: Path, run: Run) -> None:
    # An A100 of 80 GB in the README's keys.
    card = json.dumps({"name": "mine", "Flops": 312, "Memory_size": 80, "Memory_BW": 2039})
    (tmp_path / "card.json").write_text(card, encoding="utf-8")
    for hardware in (card, tmp_path / "card.json"):
        assert json.loads(run("memory", "llama3.1_8b", "--hardware", hardware, "--json").stdout)["fits_device"] is True
    rows = json.loads(run("compare", "llama3.1_8b", "--hardware", card, "--hardware", "T4", "--json").stdout)["rows"]
    assert {row["hardware"] for row in rows} == {"mine", "T4"}


def test_an_image_has_one_side_or_two(run: Run) -> None:
    question = ["memory", "Qwen/Qwen2.5-VL-7B-Instruct", "--seq-length", 8192, "--num-images", 1, "--json"]
    square = json.loads(run(*question, "--image-resolution", "1024").stdout)
    same = json.loads(run(*question, "--image-resolution", "1024x1024").stdout)
    wide = json.loads(run(*question, "--image-resolution", "512x1024").stdout)
    assert square["image_tokens"] == same["image_tokens"] > wide["image_tokens"] > 0


def test_seconds_of_sound_and_video_are_options(run: Run) -> None:
    heard = run("memory", "Qwen/Qwen2-Audio-7B-Instruct", "--seq-length", 4096, "--audio-seconds", 12.5, "--json")
    # a token is 40 ms (Qwen2-Audio's report)
    assert json.loads(heard.stdout)["audio_tokens"] == 312
    film = ["batch", "Qwen/Qwen3-VL-8B-Instruct", "--memory-gb", 80, "--seq-length", 65_536, "--json"]
    short, long = (run(*film, "--video-seconds", seconds, "--image-resolution", "1080x1920") for seconds in (4, 40))
    assert json.loads(short.stdout)["image_memory_bytes"] > 0
    assert "80 frames" in json.loads(long.stdout)["notes"][-1]["text"]


def test_adapters_are_named_one_by_one_or_as_an_object(run: Run) -> None:
    names = ["--target-modules", "q_proj", "--target-modules", "v_proj"]
    single = json.loads(run("memory", "llama3.1_8b", "--max-loras", 2, "--max-lora-rank", 8, *names, "--json").stdout)
    config = json.dumps({"max_loras": 2, "max_lora_rank": 8, "target_modules": ["q_proj", "v_proj"]})
    whole = json.loads(run("memory", "llama3.1_8b", "--lora-config", config, "--json").stdout)
    # rank x (in + out) of q_proj (4096 to 4096) and v_proj (4096 to 1024), 32 layers, two adapters, two bytes
    assert single["lora_adapter_memory_bytes"] == whole["lora_adapter_memory_bytes"]
    assert single["lora_adapter_memory_bytes"] >= 2 * 2 * 32 * 8 * (4096 + 4096 + 4096 + 1024)


def test_an_adapter_s_folder_is_named_and_a_length_of_a_model_asked_for(run: Run, tmp_path: Path) -> None:
    adapter = {"peft_type": "LORA", "r": 8, "target_modules": ["q_proj", "v_proj"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(adapter))
    for place in (str(tmp_path), str(tmp_path / "adapter_config.json"), json.dumps(adapter)):
        found = json.loads(run("memory", "llama3.1_8b", "--lora-config", place, "--max-loras", 2, "--json").stdout)
        assert found["lora_adapter_memory_bytes"] == 2 * 2 * 32 * 8 * (4096 + 4096 + 4096 + 1024)
    model = json.loads(run("inspect", "google/gemma-3-27b-it", "--seq-length", 1024, "--json").stdout)
    assert model["kv_cache_bytes_per_token_mean"] == model["kv_cache_bytes_per_token"] == 62 * 8192
    assert model["seq_length"] == 1024


def test_a_flag_that_is_on_can_be_switched_off(run: Run) -> None:
    tied = json.loads(run("memory", "gpt2", "--json").stdout)["parameter_count"]
    untied = json.loads(run("memory", "gpt2", "--no-respect-weight-tying", "--json").stdout)["parameter_count"]
    assert untied - tied == 50257 * 768


def test_explain_shows_what_a_time_is_made_of(run: Run) -> None:
    question = ["performance", "llama3.1_8b", "--hardware", "H100"]
    assert "matmul" not in run(*question).stdout
    assert "matmul" in run(*question, "--explain").stdout
    assert run(*question, "--explain").stdout == run(*question, "--detail", "full").stdout
    assert run(*question, "--explain").stdout == run(*question, "--detail", "FULL").stdout


def test_explain_shows_what_the_memory_is_made_of(run: Run) -> None:
    assert "context" not in run("memory", "llama3.1_8b").stdout
    shown = run("memory", "llama3.1_8b", "--explain").stdout
    assert all(word in shown for word in ("context", "buffers", "graphs", "embedding", "feed-forward"))


@pytest.mark.parametrize("command", ["inspect", "batch"])
def test_people_are_shown_words_and_no_names_of_fields(command: str, run: Run) -> None:
    options = ["--memory-gb", 24] if command == "batch" else []
    fields = json.loads(run(command, "llama3.1_8b", *options, "--json").stdout)
    shown = run(command, "llama3.1_8b", *options).stdout
    assert not [name for name in fields if "_" in name and name in shown]


def test_the_heading_is_the_report_s_own_sentences(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    first = str(llm_memory_calculator.max_batch_size("llama3.1_8b", memory_gb=24)).splitlines()[0]
    shown = " ".join(run("batch", "llama3.1_8b", "--memory-gb", 24).stdout.split())
    assert " ".join(first.split()) in shown


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
