"""The public surface: names, lightness, and their signatures."""

import ast
import inspect
import subprocess
import sys

import pytest

import llm_memory_calculator

from ..rows import each

ORIGINAL = [
    "calculate_memory",
    "estimate_memory",
    "estimate_max_batch_size",
    "estimate_prefill_performance",
    "estimate_decode_performance",
    "estimate_end_to_end_performance",
    "compare_performance_configurations",
    "get_various_parallelization",
    "get_best_parallelization_strategy",
    "get_minimum_system_size",
    "get_hardware_config",
    "HARDWARE_CONFIGS",
    "MemoryReport",
    "UniversalParameterCounter",
]


@each("name", ORIGINAL)
def test_the_original_s_name_is_public(name: str) -> None:
    assert name in llm_memory_calculator.__all__
    assert hasattr(llm_memory_calculator, name)


@each("name", llm_memory_calculator.__all__)
def test_every_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(llm_memory_calculator, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = llm_memory_calculator.nothing


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_importing_loads_no_heavy_package() -> None:
    heavy = "('pandas', 'huggingface_hub', 'mcp', 'pydantic', 'numpy', 'rich', 'typer')"
    code = f"import sys, llm_memory_calculator; print([name for name in {heavy} if name in sys.modules])"
    assert run(code) == "[]"


def test_a_memory_answer_loads_no_heavy_package() -> None:
    heavy = "('pandas', 'huggingface_hub', 'mcp', 'pydantic', 'numpy')"
    code = (
        "import sys; from llm_memory_calculator import calculate_memory; calculate_memory('llama3_70b'); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_calculate_memory_takes_the_original_s_leading_arguments() -> None:
    names = list(inspect.signature(llm_memory_calculator.calculate_memory).parameters)
    expected = ["model_id_or_config", "batch_size", "seq_length", "precision", "tensor_parallel"]
    assert names[:5] == expected
    assert "token" in names


def test_type_checkers_and_users_see_the_same_names() -> None:
    source = ast.parse(inspect.getsource(llm_memory_calculator))
    (checked,) = (node for node in source.body if isinstance(node, ast.If))
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    for_checkers = {"." * node.level + (node.module or ""): {name.name for name in node.names} for node in imports}
    assert for_checkers == {room: set(names) for room, names in llm_memory_calculator._ROOMS.items()}
