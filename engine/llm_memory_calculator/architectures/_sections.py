"""The objects inside a config: those that nothing read, towers taken by default, a model_type that is inside alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..architecture import Architecture
from ..config import Config
from ..report import Note
from . import build

# Of training, of generating, of the number formats (which `formats` reads) and of the tools that a model is used with.
_NO_MODEL = re.compile(
    r"rope_|^(quantization|compression|generation|init|tokenizer|processor|preprocessor|optimizer|train|trainer|training"
    r"|eval|data|dataset|logging|export|fsdp|deepspeed|peft|freeze|gguf|yarn)(_config|_cfg|_args)?$|id2label$|label2id$"
    r"|^auto_map$|task_specific|pruned_heads|transformers\.js|^sentence_transformers$|^_|kwargs$"
)
_NAMED_SO = re.compile(
    r"_(config|cfg|args|model|tower|encoder|decoder|projector|resampler)$|^(visual|vision|audio|speech|image_)"
)
_SIZES = frozenset(
    {
        *("hidden_size", "width", "d_model", "embed_dim", "dim", "hidden_dim", "intermediate_size"),
        *("num_hidden_layers", "num_layers", "n_layers", "n_layer", "layers", "depth", "encoder_layers"),
    }
)
_NAMED_TOWER = re.compile(r"(mm_)?(vision|audio|speech)_tower")
_OF_TEXT = ("text_config", "llm_config", "language_config")
_OF_ALL = "thinker_config"
# objects in objects, beyond which nobody describes a model
_DEEPEST = 6
_OF_A_TOWER = re.compile(r"(^|\.)(vision|visual|audio|speech|image)[^.]*$")


def judged(architecture: Architecture, config: Config) -> Architecture:
    """The same with notes on what its config has and nothing read, and on towers of which it says nothing."""
    architecture = _with_assumed_towers(architecture, config)
    notes = [
        Note(
            subject=path,
            text=f"The config has {path}, which the family {architecture.model_type} does not read; what it describes "
            "is not counted.",
            origin="warning",
        )
        for path in (*_unread(config.values, config), *_named_towers(architecture, config))
    ]
    return replace(architecture, notes=(*architecture.notes, *notes)) if notes else architecture


def _named_towers(architecture: Architecture, config: Config) -> Iterator[str]:
    """Fields that name a tower by the repository that it is in, as LLaVA's own configs do, where none is counted."""
    for name, value in config.values.items():
        if _NAMED_TOWER.fullmatch(name) and isinstance(value, str) and value and not architecture.towers:
            yield name


def of_section(config: Config) -> Architecture | None:
    """The model of a nested object, where that has the only model_type."""
    if config.has("model_type"):
        return None
    for name in (*_OF_TEXT, _OF_ALL):
        value = config.values.get(name)
        if not isinstance(value, Mapping) or not isinstance(value.get("model_type"), str):
            continue
        config.note("model_type", f"Absent; that of {name}, {value['model_type']!r}, was taken.", "assumption")
        if name == _OF_ALL:
            return build(config.section(name))
        from ._towers import multimodal

        own = value["model_type"]
        return multimodal(config.stating(model_type=own), own, (), section=name)
    return None


def named_by_class(config: Config, known: Sequence[str]) -> Config:
    """The same with the model_type that its class is named after, where that is a family."""
    classes = config.values.get("architectures")
    if config.has("model_type") or not isinstance(classes, list | tuple) or not classes:
        return config
    name = str(classes[0])
    stem = re.match(r"\w+?(?=For[A-Z]|LMHeadModel$|Model$)", name)
    if stem is None:
        return config
    names = {family.replace("_", ""): family for family in known}
    # Gemma3ForCausalLM is the text of what Gemma3ForConditionalGeneration is the whole of
    alone = f"{stem[0]}text".lower() if "ForCausalLM" in name and not config.has("text_config") else ""
    family = names.get(alone) or names.get(stem[0].lower())
    if family is None:
        return config
    config.note("model_type", f"Absent; {family}, which its class {name} is named after, was taken.", "assumption")
    return config.stating(model_type=family)


def _unread(values: Mapping[str, Any], config: Config, where: str = "") -> Iterator[str]:
    """The paths of the nested objects that look like a part of the model and that nothing opened."""
    for name, value in values.items():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            if _NAMED_SO.search(name) and id(value) not in config.sections.opened:
                yield f"{where}{name}"
            continue
        if not isinstance(value, Mapping) or not value or _NO_MODEL.search(name):
            continue
        if id(value) in config.sections.opened:
            yield from _unread(value, config, f"{where}{name}.")
        elif _NAMED_SO.search(name) or not _SIZES.isdisjoint(value):
            yield f"{where}{name}"
        elif where.count(".") < _DEEPEST:
            yield from _unread(value, config, f"{where}{name}.")


def _with_assumed_towers(architecture: Architecture, config: Config) -> Architecture:
    """The same with the towers marked that are there by default alone, and a note of how much they are."""
    if architecture.task != "decoder":
        return architecture
    told_apart = any(layer.of_sound for layer in architecture.towers)
    for name in sorted(filter(_OF_A_TOWER.search, config.sections.absent)):
        of_sound = told_apart and re.search(r"audio|speech", name) is not None
        mine = [layer for layer in architecture.towers if layer.of_sound == of_sound]
        count = sum(layer.parameters for layer in mine)
        if not count:
            continue
        note = Note(
            subject=name,
            text=f"No {name}: the family's default tower of {count:,} parameters was counted; text-only conversions "
            "have none.",
            origin="warning",
        )
        towers = tuple(replace(layer, assumed=True) if layer in mine else layer for layer in architecture.towers)
        architecture = replace(architecture, towers=towers, notes=(*architecture.notes, note))
    return architecture
