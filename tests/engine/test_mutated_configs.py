"""Configs with faults in them are answered with numbers that can be, or refused by an error of ours."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import calculate_memory
from llm_memory_calculator.errors import CalculatorError
from llm_memory_calculator.sources.catalogue import catalogue_entries, config_of

from ..rows import each

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
LLAMA = config_of("meta-llama/Llama-2-7b-hf")
UNET = {"_class_name": "UNet2DConditionModel", "sample_size": 64, "cross_attention_dim": 768}
# of one processor that others use too
SECONDS = 20.0


def first_of(model_type: str) -> dict[str, Any]:
    """A config of the catalogue of this family, or of this class."""
    found = (entry["config"] for entry in catalogue_entries().values())
    return dict(next(one for one in found if model_type in (one.get("model_type"), one.get("_class_name"))))


@pytest.mark.parametrize("part", range(4))
def test_any_fault_in_any_config_is_an_answer_or_an_error_of_ours(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    mutate = importlib.import_module("mutate_configs")
    assert list(mutate.faults(50, f"suite {part}", SECONDS, [])) == []


def within(config: dict[str, Any], section: str, **fields: Any) -> dict[str, Any]:
    return {**config, section: {**config.get(section, {}), **fields}}


@each(
    ("config", "named"),
    [
        ({"model_type": "git", "architectures": 3}, "architectures"),
        ({**LLAMA, "model_type": "grok", "architectures": None}, "num_local_experts"),
        (within(first_of("llama4"), "vision_config", pixel_shuffle_ratio=2), "pixel_shuffle_ratio"),
        ({**LLAMA, "num_hidden_layers": 1e300}, "num_hidden_layers"),
        ({**LLAMA, "num_hidden_layers": 10**7}, "num_hidden_layers"),
        ({**LLAMA, "rope_scaling": {"type": "linear", "factor": float("nan")}}, "factor"),
        ({**LLAMA, "hidden_size": 10**8, "vocab_size": 10**8, "intermediate_size": 10**8}, "parameters"),
        ({**UNET, "layers_per_block": 2_000}, "layers_per_block"),
        ({**UNET, "attention_head_dim": [5, 0, 20, 20]}, "attention_head_dim"),
        ("~\0", "path"),
        ("~a\0/config.json", "path"),
    ],
)
def test_what_cannot_be_is_refused_by_name(config: Any, named: str) -> None:
    with pytest.raises(CalculatorError, match=named):
        calculate_memory(config)


def test_what_is_nested_too_deeply_to_be_printed_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(CalculatorError, match="vocab_size"):
        calculate_memory({**LLAMA, "vocab_size": nested})
    assert calculate_memory({**LLAMA, "of nobody": json.loads("[" * 900 + "]" * 900)}).parameter_count > 0
