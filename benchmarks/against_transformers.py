"""Compare every catalogue entry with the model that transformers builds from the same config on the meta device.

Needs torch and transformers, which the project does not depend on. Prints one line a difference or refusal, then the
counts: parameters and the values of embedding tables must be the same.

    python benchmarks/against_transformers.py [part of a name ...]
"""

from __future__ import annotations

import copy
import sys
import warnings
from typing import Any

import torch
import transformers

from llm_memory_calculator import load_model
from llm_memory_calculator.sources import catalogue_entries

_LEFT_OUT = ("quantization_config", "compression_config", "auto_map")


def built(config: dict[str, Any]) -> torch.nn.Module:
    """The model of a config, by the class that it names, without memory for its weights."""
    values = {key: value for key, value in copy.deepcopy(config).items() if key not in _LEFT_OUT}
    family = values.pop("model_type")
    read = transformers.AutoConfig.for_model(family, **values)
    name = (config.get("architectures") or [None])[0]
    kind = getattr(transformers, name, None) if name else None
    causal = type(read) in transformers.AutoModelForCausalLM._model_mapping
    auto = transformers.AutoModelForCausalLM if causal else transformers.AutoModel
    with torch.device("meta"):
        model = kind(read) if kind else auto.from_config(read)
    model.tie_weights()
    return model


def counts(model: torch.nn.Module) -> tuple[int, int]:
    """Parameters, and those of embedding tables, each tensor once."""
    tables = (module.weight for module in model.modules() if isinstance(module, torch.nn.Embedding))
    return tuple(  # type: ignore[return-value]
        sum({id(tensor): tensor.numel() for tensor in tensors}.values()) for tensors in (model.parameters(), tables)
    )


def main(wanted: list[str]) -> int:
    """Compare the entries whose id has one of the words in it, all without words; the number of differences."""
    same = differences = unbuilt = 0
    for name, entry in catalogue_entries().items():
        if wanted and not any(word.lower() in name.lower() for word in wanted):
            continue
        architecture = load_model(name).architecture
        ours = (architecture.parameter_count, architecture.embedding_parameter_count)
        try:
            theirs = counts(built(entry["config"]))
        except Exception as error:  # noqa: BLE001 whatever transformers raises is this entry's result
            unbuilt += 1
            print(f"{name}: not built, {type(error).__name__}: {' '.join(str(error).split())[:160]}")
            continue
        if ours == theirs:
            same += 1
        else:
            differences += 1
            print(f"{name}: {ours} here, {theirs} by transformers")
    print(f"{same} the same, {differences} differ, {unbuilt} not built by transformers {transformers.__version__}")
    return differences


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    sys.exit(1 if main(sys.argv[1:]) else 0)
