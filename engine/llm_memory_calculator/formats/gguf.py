"""GGUF files: which ggml type each tensor of a mix such as q4_k_m gets, as llama-quantize deals them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..architecture import Architecture, Layer
from ..facts import table
from ..operators import Part, Weight
from .numerics import FORMATS, Format

# what a file calls the matrices of a layer and the tables
_KINDS: Mapping[Part, str] = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "qkv": "attn_qkv",
    "q_a": "attn_q_a",
    "q_b": "attn_q_b",
    "kv_a": "attn_kv_a_mqa",
    "kv_b": "attn_kv_b",
    "out": "attn_output",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "gate_up": "ffn_up",
    "down": "ffn_down",
    "shared_gate": "ffn_gate",
    "shared_up": "ffn_up",
    "shared_gate_up": "ffn_up",
    "shared_down": "ffn_down",
    "vocabulary": "token_embd",
    "layer_vocabulary": "per_layer_token_embd",
    "positions": "position",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One weight of the architecture under its module path, with what a GGUF file calls its kind."""

    path: str
    weight: Weight
    kind: str
    """One of the file's own words for matrices and tables, output (the head), router, tower, vector, position or
    other."""
    layer: int | None
    """Position in the stack."""

    @property
    def expert(self) -> bool:
        return self.weight.role == "expert"


def mixes() -> tuple[str, ...]:
    """Every mix by name."""
    return tuple(table("gguf")["mix"])


def mix_of(spelled: str) -> str | None:
    """The mix that a name means (q4_k is q4_k_m), or None."""
    facts = table("gguf")
    name: str = facts["alias"].get(spelled, spelled)
    return name if name in facts["mix"] else None


def maker_of(mix: str) -> str | None:
    """The one engine whose own quantiser makes a mix, and which alone loads it; None of llama.cpp's mixes."""
    maker: str | None = table("gguf")["mix"].get(mix, {}).get("engine")
    return maker


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


def kept_experts(architecture: Architecture) -> str | None:
    """The format in which routed experts are published, where every mix leaves them in it."""
    kept: str | None = _own(architecture).get("experts")
    return kept


def _own(architecture: Architecture) -> Mapping[str, Any]:
    """What is otherwise in the architecture's family."""
    found: Mapping[str, Any] = table("gguf")["own"][architecture.gguf_rules] if architecture.gguf_rules else {}
    return found


def _expert_count(architecture: Architecture) -> int:
    counts = (operator.expert_count for layer in architecture.stack for operator in layer.operators)
    return next((count for count in counts if count), 0)


def _shared_keys(architecture: Architecture) -> int:
    """Query heads that share a key in the first layer that has keys."""
    counts = (operator.heads_per_key for layer in architecture.stack for operator in layer.operators)
    return next((count for count in counts if count), 1)


class _Law:
    """A mix at work on one model."""

    def __init__(
        self, architecture: Architecture, recipe: Mapping[str, Any], fallback: Mapping[str, str], before_2024: bool
    ) -> None:
        own = _own(architecture)
        self.recipe, self.fallback, self.before_2024 = recipe, fallback, before_2024
        self.default: str = recipe["type"]
        self.depth = architecture.depth
        self.tied = architecture.has_tied_head
        self.shared_keys = _shared_keys(architecture)
        self.experts = _expert_count(architecture)
        self.kept_experts = kept_experts(architecture)
        self.own_head: str | None = own.get("head")
        self.kept: list[str] = recipe.get("kept", table("gguf")["kept"]["parts"])
        rich: bool = recipe.get("own_rich", True)
        self.rich_values = rich and self.shared_keys > 1 and self.depth == own.get("rich_values_at_depth")
        special = "eight" if self.experts == 8 else architecture.gguf_rules
        rules = recipe.get("by_type", {}).get(architecture.model_type, recipe.get("rules", ()))
        # what ik_llama.cpp asks of a model: a mixture by four experts, those of 70B and of 8B by their depth
        self.many, self.deep = self.experts >= 4, self.depth == own.get("rich_values_at_depth")
        worded = architecture.vocab_size >= 127_999 and (self.deep or architecture.model_type == "llama")
        self.worded: Mapping[str, str] = (
            recipe.get("large_vocabulary", {}).get(str(self.depth), {}) if worded and not self.many else {}
        )
        self.rules: list[tuple[str, str, str]] = recipe.get(special, rules)

    def form(self, tensor: Tensor) -> Format:
        if tensor.kind in ("vector", "router", "position"):
            return FORMATS["fp32"]
        if tensor.kind == "tower":
            return FORMATS["fp16"]
        if tensor.expert and self.kept_experts is not None:
            return FORMATS[self.kept_experts]
        if FORMATS[self.default].bits >= 16:
            return FORMATS[self.default]
        columns = tensor.weight.columns
        if any(part in tensor.path for part in self.kept):
            return FORMATS["fp16"]
        if tensor.kind == "output" or (tensor.kind in ("token_embd", "per_layer_token_embd") and self.tied):
            return self._fitting(self._head(columns), columns)
        return self._fitting(self._matrix(tensor), columns)

    def _head(self, columns: int) -> str:
        if columns % FORMATS[self.default].block:
            return "q8_0"
        if self.tied and "tied_head" in self.recipe:
            tied: str = self.own_head or self.recipe["tied_head"]
            return tied
        head: str = self.own_head or self.recipe.get("head", "q6_k")
        return head

    def _matrix(self, tensor: Tensor) -> str:
        kind = tensor.kind
        if kind in ("token_embd", "per_layer_token_embd"):
            found: str = self.recipe.get("table", self.default)
            return found
        found = self._by_rules(tensor)
        if "engine" in self.recipe:
            return self._of_ik(kind, found)
        little, eight = self.recipe.get("little", False), self.experts == 8
        wide = self.shared_keys >= (8 if self.before_2024 else 4) or (little and self.experts >= 4)
        if kind == "attn_v":
            if "wide_v" in self.recipe and wide:
                found = self.recipe["wide_v"]
            if not little and self.rich_values and found in ("q3_k", "q4_k"):
                found = "q5_k"
            if not little and eight:
                found = "q8_0"
        elif kind == "attn_k" and eight:
            found = "q4_k" if little else "q8_0"
        elif kind == "attn_output" and eight and not self.before_2024:
            found = "q5_k" if little else self.recipe.get("eight_output", self.default)
        return found

    def _of_ik(self, kind: str, found: str) -> str:
        """As ik_llama.cpp's quantiser deals its own mixes, where no rule of a mix alone says it."""
        recipe = self.recipe
        if self.many:
            if kind.startswith(("attn_v", "attn_k")):
                return "q8_0"
            return str(recipe.get("many_output", self.default)) if kind == "attn_output" else found
        if kind == "attn_v" and self.deep:
            found = recipe.get("deep_v", found)
        elif kind == "attn_v" and self.shared_keys >= 2:
            found = recipe.get("shared_v", found)
        return self.worded.get(kind, found)

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
        case "more_bits" | "more_bits_twice":
            place = index if layers == "more_bits" else 2 * index - 1
            return place < eighth or place >= 7 * depth // 8 or (place - eighth) % 3 == 2
    raise KeyError(layers)


# --- the kinds of tensor -------------------------------------------------------------------------------------------


def tensors(architecture: Architecture) -> Iterator[Tensor]:
    """Every weight of a model; those of a group of layers once for each layer."""
    for layer in architecture.towers:
        yield from _of_layer(layer, in_tower=True)
    for layer in (*architecture.encoder, *architecture.text_layers()):
        yield from _of_layer(layer, in_tower=False)


def _of_layer(layer: Layer, *, in_tower: bool) -> Iterator[Tensor]:
    weights = [weight for operator in layer.operators for weight in operator.weights()]
    kinds = [_kind(weight, in_tower) for weight in weights]
    for position, path in zip(layer.indices or (None,), layer.module_paths(), strict=True):
        prefix = f"{path}." if path else ""
        for weight, kind in zip(weights, kinds, strict=True):
            yield Tensor(path=prefix + weight.name, weight=weight, kind=kind, layer=position)


def _kind(weight: Weight, in_tower: bool) -> str:
    if weight.columns == 1 or weight.role in ("vector", "buffer"):
        return "vector"
    if in_tower:
        return "tower"
    if weight.role in ("head", "router"):
        return "output" if weight.role == "head" else "router"
    return "other" if weight.part is None else _KINDS.get(weight.part, "other")
