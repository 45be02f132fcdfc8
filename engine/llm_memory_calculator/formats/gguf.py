"""GGUF files: which ggml type each tensor of a mix such as q4_k_m gets, as llama-quantize deals them out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..architecture import Architecture, Layer
from ..facts import table
from ..operators import Attention, Embedding, Experts, Linear, Operator, Weight
from .numerics import FORMATS, Format

# q, k and v that stand as one matrix in the checkpoint and as three in a GGUF file
_UNPACKED = ("W_pack", "wqkv", "Wqkv")
# the feed-forward network of a layer that has no attention
_FEED_FORWARD = re.compile(r"(^|\.)(mlp|ffn|feed_forward)\.")
# what llama.cpp takes for a 70B, whose values of eight heads are worth more bits
_SEVENTIES = ("llama", "qwen2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One weight of the architecture under its module path, with what a GGUF file calls its kind."""

    path: str
    weight: Weight
    kind: str
    """token_embd, output, attn_q, attn_k, attn_v, attn_qkv, attn_output, ffn_gate, ffn_up, ffn_down, router, tower,
    vector, position or other."""
    layer: int | None
    """Position in the stack."""
    expert: bool = False


def mixes() -> tuple[str, ...]:
    """Every mix by name."""
    return tuple(table("gguf")["mix"])


def mix_of(spelled: str) -> str | None:
    """The mix that a name means (q4_k is q4_k_m), or None."""
    facts = table("gguf")
    name: str = facts["alias"].get(spelled, spelled)
    return name if name in facts["mix"] else None


def mix_of_file(file_type: object) -> str | None:
    """The mix that a file's general.file_type names, or None."""
    return next((name for name, facts in table("gguf")["mix"].items() if facts["file_type"] == file_type), None)


def formats(architecture: Architecture, mix: str, *, before_2024: bool = False) -> dict[str, Format]:
    """The format of each weight of a whole model, by module path: what llama-quantize makes of it.

    before_2024: as llama.cpp did until January 2024, when q2_k was larger and the experts' matrices had no rules.
    """
    law = _Law(architecture, _recipe(mix, before_2024), table("gguf")["fallback"], before_2024)
    found: dict[str, list[tuple[Weight, Format]]] = {}
    for tensor in tensors(architecture):
        found.setdefault(tensor.path, []).append((tensor.weight, law.form(tensor)))
    return {path: _blended(parts) for path, parts in found.items()}


def _blended(parts: list[tuple[Weight, Format]]) -> Format:
    """The format of a matrix whose parts have formats of their own."""
    form = max(parts, key=lambda part: part[1].bits)[1]
    if len({part[1] for part in parts}) == 1:
        return form
    bits = 8 * sum(part[1].stored_bytes(part[0].rows, part[0].columns) for part in parts)
    return replace(form, bits=bits / sum(part[0].rows * part[0].columns for part in parts), scales=())


def default_format(mix: str, *, before_2024: bool = False) -> Format:
    """The format of most of a mix."""
    return FORMATS[_recipe(mix, before_2024)["type"]]


def _recipe(mix: str, before_2024: bool) -> Mapping[str, Any]:
    facts = table("gguf")
    found: Mapping[str, Any] = (facts["mix_2023"].get(mix) if before_2024 else None) or facts["mix"][mix]
    return found


def changed_in_2024(architecture: Architecture, mix: str) -> bool:
    """Whether llama.cpp mixed this model otherwise until January 2024."""
    recipe = _recipe(mix, False)
    return mix in table("gguf")["mix_2023"] or (_expert_count(architecture) == 8 and "eight_output" in recipe)


def table_of(architecture: Architecture) -> str | None:
    """The module path of the vocabulary's table, where the model has one."""
    return next((tensor.path for tensor in tensors(architecture) if tensor.kind == "token_embd"), None)


def _expert_count(architecture: Architecture) -> int:
    operators = (operator for layer in architecture.stack for operator in layer.operators)
    return next((operator.count for operator in operators if isinstance(operator, Experts)), 0)


class _Law:
    """A mix at work on one model."""

    def __init__(
        self, architecture: Architecture, recipe: Mapping[str, Any], fallback: Mapping[str, str], before_2024: bool
    ) -> None:
        operators = [operator for layer in architecture.stack for operator in layer.operators]
        attention = next((operator for operator in operators if isinstance(operator, Attention)), None)
        self.recipe, self.fallback, self.before_2024 = recipe, fallback, before_2024
        self.default: str = recipe["type"]
        self.depth = architecture.depth
        self.tied = architecture.has_tied_head
        self.shared_keys = attention.heads // attention.kv_heads if attention else 1
        self.experts = _expert_count(architecture)
        self.falcon = architecture.model_type == "falcon"
        self.seventy = self.depth == 80 and self.shared_keys > 1 and architecture.model_type in _SEVENTIES
        self.mxfp4_experts = architecture.model_type == "gpt_oss"
        special = "falcon" if architecture.model_type == "falcon" else "eight" if self.experts == 8 else ""
        self.rules: list[tuple[str, str, str]] = recipe.get(special, recipe.get("rules", ()))

    def form(self, tensor: Tensor) -> Format:
        if tensor.kind in ("vector", "router", "position"):
            return FORMATS["fp32"]
        if tensor.kind == "tower":
            return FORMATS["fp16"]
        if tensor.expert and self.mxfp4_experts:
            return FORMATS["mxfp4"]
        if FORMATS[self.default].bits >= 16:
            return FORMATS[self.default]
        columns = tensor.weight.columns
        if tensor.kind == "output" or (tensor.kind == "token_embd" and self.tied):
            return self._fitting(self._head(columns), columns)
        return self._fitting(self._matrix(tensor), columns)

    def _head(self, columns: int) -> str:
        if self.falcon or columns % FORMATS[self.default].block:
            return "q8_0"
        head: str = self.recipe.get("head", "q6_k")
        return head

    def _matrix(self, tensor: Tensor) -> str:
        kind = tensor.kind
        if kind in ("token_embd", "layer_embd"):
            found: str = self.recipe.get("table", self.default)
            return found
        found = self._by_rules(tensor)
        little, eight = self.recipe.get("little", False), self.experts == 8
        wide = self.shared_keys >= (8 if self.before_2024 else 4) or (little and self.experts >= 4)
        if kind == "attn_v":
            if "wide_v" in self.recipe and wide:
                found = self.recipe["wide_v"]
            if not little and self.seventy and found in ("q3_k", "q4_k"):
                found = "q5_k"
            if not little and eight:
                found = "q8_0"
        elif kind == "attn_k" and eight:
            found = "q4_k" if little else "q8_0"
        elif kind == "attn_output" and eight and not self.before_2024:
            found = "q5_k" if little else self.recipe.get("eight_output", self.default)
        return found

    def _by_rules(self, tensor: Tensor) -> str:
        kinds = ["experts"] if tensor.expert else []
        if not (tensor.expert and self.before_2024):
            kinds.append(tensor.kind)
        for named, layers, form in self.rules:
            if named in kinds and _within(layers, tensor.layer or 0, self.depth):
                return form
        return self.default

    def _fitting(self, form: str, columns: int) -> Format:
        if columns % FORMATS[form].block:
            form = self.fallback.get(form, "fp16")
            if columns % FORMATS[form].block:
                form = "fp16"
        return FORMATS[form]


def _within(layers: str, index: int, depth: int) -> bool:
    """Whether a layer is one of those that a rule names."""
    eighth = depth // 8
    match layers:
        case "all":
            return True
        case "first_2":
            return index < 2
        case "first_4":
            return index < 4
        case "first_eighth":
            return index < eighth
        case "first_sixteenth":
            return index < depth // 16
        case "middle":
            return eighth <= index < 7 * depth // 8
        case "more_bits":
            return index < eighth or index >= 7 * depth // 8 or (index - eighth) % 3 == 2
    raise KeyError(layers)


# --- the kinds of tensor -------------------------------------------------------------------------------------------


def tensors(architecture: Architecture) -> Iterator[Tensor]:
    """Every weight of a model; those of a group of layers once for each layer."""
    for layer in architecture.layers():
        if any(layer is tower for tower in architecture.towers):
            kinds = [["tower"] * len(operator.weights()) for operator in layer.operators]
        elif layer is architecture.first or layer is architecture.last:
            tables = iter(("token_embd",) if layer is architecture.first else ())
            kinds = [_outside(operator, tables) for operator in layer.operators]
        else:
            kinds = _kinds(layer.operators)
        yield from _of_layer(layer, kinds)


def _of_layer(layer: Layer, kinds: list[list[str]]) -> Iterator[Tensor]:
    for position, path in zip(layer.indices or (None,), layer.module_paths(), strict=True):
        prefix = f"{path}." if path else ""
        for operator, named in zip(layer.operators, kinds, strict=True):
            for weight, kind in zip(operator.weights(), named, strict=True):
                yield Tensor(
                    path=prefix + weight.name,
                    weight=weight,
                    kind="vector" if _is_vector(weight) else kind,
                    layer=position,
                    expert=weight.role == "expert",
                )


def _is_vector(weight: Weight) -> bool:
    return weight.columns == 1 or weight.role in ("vector", "buffer")


def _outside(operator: Operator, tables: Iterator[str]) -> list[str]:
    """The kinds outside the stack: the first table is the vocabulary's, one by layers (Gemma 3n) its like, the others
    positions."""
    if isinstance(operator, Embedding):
        kind = next(tables, "position")
        return ["layer_embd" if kind == "position" and "per_layer" in operator.name else kind]
    return ["output" if weight.role == "head" else "other" for weight in operator.weights()]


def _kinds(operators: tuple[Operator, ...]) -> list[list[str]]:
    """The kind of each weight of each operator of a layer, told by the order of the operators.

    Products before an attention are q, k and v, the first one after it is its output, what follows is the feed-forward
    network, whose last matrix is `down`.
    """
    found: list[list[str]] = []
    attends = [n for n, one in enumerate(operators) if one.kind in ("attention", "latent_attention")]
    has_output = True
    for number, operator in enumerate(operators):
        weights = operator.weights()
        matrices = [place for place, weight in enumerate(weights) if not _is_vector(weight)]
        named: list[str] = ["other"] * len(matrices)
        if number in attends:
            has_output = False
        elif isinstance(operator, Experts):
            named = [*["ffn_gate", "ffn_up"][-(len(matrices) - 1) :], "ffn_down"]
        elif isinstance(operator, Linear) and operator.role == "router":
            named = ["router"] * len(matrices)
        elif isinstance(operator, Linear) and matrices:
            if not has_output:
                has_output, named = True, ["attn_output"] * len(matrices)
            elif _FEED_FORWARD.search(operator.name) or (attends and number > attends[-1]):
                named = ["ffn_down"] if operator.split == "rows" else _ups(operator)
            elif attends:
                named = _projections(operator)
        kinds = dict(zip(matrices, named, strict=False))
        found.append([kinds.get(place, "other") for place in range(len(weights))])
    return found


def _ups(operator: Linear) -> list[str]:
    names = {output.name for output in operator.outputs}
    return ["ffn_gate", "ffn_up"] if len(names) == 2 else ["ffn_up"] * len(operator.outputs)


def _projections(operator: Linear) -> list[str]:
    names = [output.name for output in operator.outputs]
    if len(names) == 3 and len(set(names)) == 1 and not names[0].endswith(_UNPACKED):
        return ["attn_qkv"] * 3
    return {3: ["attn_q", "attn_k", "attn_v"], 2: ["attn_k", "attn_v"]}.get(len(names), ["other"] * len(names))
