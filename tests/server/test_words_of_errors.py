"""An error names what its reader has: arguments over MCP, options on a command line, calls and variables in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import llm_memory_calculator
import llm_memory_hardware
from llm_memory_calculator import CalculatorError, calculate_memory
from llm_memory_server.question_commands import app
from llm_memory_server.tools import TOPICS, call

# Calls, variables of a shell, options and types of Python.
OF_OTHERS = re.compile(
    r"\w\(\)|\b(?:HF|TRANSFORMERS|LLM_MEMORY|XDG)_[A-Z_]+|--[a-z]|`"
    r"|\b(?:dict|True|False|None|LoraConfig|Python|tuple)\b"
)
# What no tool can ask: the original's functions, sweeps and validation, queries and files of the catalogue.
OF_PYTHON_ALONE = re.compile(
    r"/(original|sweeps|validation|startup_logs)/|/(wording|prices|queries|user_files|write_catalogue|built_in)\.py$"
)
ARGUMENTS_OF_PYTHON_ALONE = ("executor", "_function_or_none")
LLAMA: dict[str, Any] = {"model": "llama3_8b"}


def raised() -> Iterator[tuple[str, str]]:
    """Each text of each raise of the engine and of the catalogue, with its place."""
    for package in (llm_memory_calculator, llm_memory_hardware):
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            if OF_PYTHON_ALONE.search(file.as_posix()):
                continue
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for statement in ast.walk(tree):
                if not isinstance(statement, ast.Raise):
                    continue
                for part in ast.walk(statement):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{file.relative_to(root.parent)}:{part.lineno}", part.value


def test_no_sentence_of_a_raise_has_words_of_one_interface() -> None:
    found = [(place, text) for place, text in raised() if OF_OTHERS.search(text)]
    # which only Python can give: whatever answers models elsewhere
    assert [one for one in found if "submit(function" not in one[1]] == []


def refusal(name: str, arguments: dict[str, Any]) -> str:
    with pytest.raises(CalculatorError) as caught:
        call(name, arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "nobody/nothing"},
        {"model": "of nobody"},
        {"model": ""},
        {"model": "https://huggingface.co/of/nobody/x"},
        {"config": {}},
        {"config": {"model_type": "of-nobody"}},
        {**LLAMA, "hardware": "H10O"},
        {**LLAMA, "hardware": 5},
        {**LLAMA, "hardware": "MIG 1g.10gb"},
        {**LLAMA, "hardware": {"Flops": 1}},
        {**LLAMA, "lora_config": 7},
        {**LLAMA, "lora_config": {"r": 8, "target_modules": ["q_proj"], "use_dora": "maybe"}},
        {**LLAMA, "calibration": "of nobody"},
        {**LLAMA, "speculative": "eagle"},
        {**LLAMA, "respect_weight_tying": "perhaps"},
        {**LLAMA, "of_nobody": 1},
    ],
)
def test_a_tool_s_refusal_has_words_of_tools(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for offline in ("1", "0"):
        monkeypatch.setenv("HF_HUB_OFFLINE", offline)
        assert not OF_OTHERS.search(said := refusal("calculate_memory", arguments)), said
        assert not OF_OTHERS.search(said := refusal("estimate_performance", {"hardware": "H100", **arguments})), said


@pytest.mark.parametrize("value", [None, 7, True, ["llama3_8b", "llama3_70b"], 0.5])
def test_what_kind_of_value_was_given_is_said_in_no_words_of_python(value: Any) -> None:
    of_python = re.compile(r"\b(?:NoneType|int|float|str|bool|list|dict|tuple)\b(?! of)")
    for arguments in (
        {"model": value},
        LLAMA | {"hardware": value or 7},
        LLAMA | {"engine_version": [value]},
        LLAMA | {"more": value or 7},
        LLAMA | {"hardware": {"Flops": f"{value} apples", "Memory_size": 80, "Memory_BW": 2000}},
    ):
        said = refusal("calculate_memory", arguments)
        # "a list" is a word of everyone
        assert not of_python.search(said.replace("a list", "")), said


TOOLS_AND_SETTINGS = {*TOPICS, "num_parallel"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("plan_deployment", LLAMA),
        ("estimate_performance", LLAMA | {"hardware": "L4", "concurrency": 40}),
        ("max_batch_size", {"model": "llama3.1:8b", "hardware": "L4"}),
        ("search_hardware", {"min_memory_gb": 100, "max_memory_gb": 50}),
    ],
)
def test_what_a_tool_says_to_do_next_a_tool_can_do(name: str, arguments: dict[str, Any]) -> None:
    try:
        (block,) = call(name, arguments).content
        said = str(getattr(block, "text", ""))
    except CalculatorError as refused:
        said = str(refused)
    # no object as Python prints it, and no function that is no tool
    assert "{'" not in said
    functions = set(re.findall(r"\b(?:estimate|calculate|explain|search|longest|fewest)_[a-z_]+", said))
    assert functions <= TOOLS_AND_SETTINGS
    if name == "search_hardware":
        assert "min_memory_gb" in said


def test_each_interface_names_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = refusal("calculate_memory", {"model": "nobody/nothing"})
    assert "as config" in said
    assert "HF_HUB_OFFLINE" not in said
    with pytest.raises(CalculatorError, match="Unset HF_HUB_OFFLINE"):
        calculate_memory("nobody/nothing")
    typed = CliRunner().invoke(app, ["memory", "nobody/nothing"])
    assert "Unset HF_HUB_OFFLINE" in str(typed.exception)
    of_hardware = {"model": "llama3_8b", "hardware": "H10O"}
    assert "search_hardware" in refusal("calculate_memory", of_hardware)
    assert "search_hardware" in TOPICS
    with pytest.raises(CalculatorError, match=r"get_all_hardware\(\)"):
        calculate_memory("llama3_8b", hardware="H10O")
    typed = CliRunner().invoke(app, ["memory", "llama3_8b", "--hardware", "H10O"])
    assert "Run `llm-memory-calculator hardware`" in str(typed.exception)
    assert "get_all_hardware" not in str(typed.exception)
