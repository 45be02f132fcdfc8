"""What the tests of families share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llm_memory_calculator import Step
from llm_memory_calculator.architecture import Architecture
from llm_memory_calculator.architectures import build
from llm_memory_calculator.config import Config
from llm_memory_calculator.sources import catalogue_entries


def one_of_each_family() -> list[str]:
    """The smallest model of the catalogue of each model_type."""
    smallest: dict[str, tuple[int, str]] = {}
    for name, entry in catalogue_entries().items():
        kind = entry["config"].get("model_type", entry["config"].get("_class_name"))
        smallest[kind] = min(smallest.get(kind, (entry["parameters"], name)), (entry["parameters"], name))
    return sorted(name for _, name in smallest.values())


def described(**facts: Any) -> Architecture:
    return build(Config(facts))


def write_pipeline(folder: Path, parts: dict[str, Any], encoder: str) -> None:
    """Write a pipeline as diffusers stores one; `encoder`: the class of parts that name none."""
    index: dict[str, Any] = {}
    for part, value in parts.items():
        index[part] = value
        if isinstance(value, dict):
            index[part] = ["diffusers", value.get("_class_name", encoder)]
            (folder / part).mkdir()
            (folder / part / "config.json").write_text(json.dumps(value), encoding="utf-8")
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")


def flops(architecture: Architecture, step: Step) -> float:
    return sum(
        layer.repeat * float(operator.work(step).flops)
        for layer in architecture.text_layers()
        for operator in layer.operators
    )


def assert_a_rank_of_two_holds_less_and_works_less(whole: Architecture) -> None:
    half = whole.shard(2)
    assert whole.parameter_count / 2 <= half.parameter_count < whole.parameter_count
    for step in (Step(batch=1, query=1000), Step(batch=4, query=1, context=5000)):
        assert 0 < flops(half, step) < flops(whole, step)
