"""The tensors of a checkpoint's headers beside the weights that an architecture describes, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..architecture import Architecture
from ..operators import Part
from . import gguf
from .numerics import FORMATS, Format
from .stored import StoredTensor, StoredWeights

PLAIN = frozenset({"fp64", "fp32", "fp16", "bf16"})
_EXPERT = re.compile(r"(experts?\.)\d+\.")
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks|blk)\.(\d{1,9})\.")
_FUSED = re.compile(r"(.*experts)\.(gate_up_proj|down_proj)(?:_(blocks|scales|bias))?")
# what engines make anew instead of loading
_BUFFERS = re.compile(
    r"rotary_emb\.inv_freq$|(^|\.)inv_freq$|rotary_pos_emb|position_ids$|masked_bias$|\.attn\.bias$|attention\.bias$"
)
_TOWER = re.compile(r"vision|visual|audio|image")
_PREDICTORS = re.compile(r"(^|\.)(mtp|nextn)\b|(^|\.)(eh_proj|enorm|hnorm|shared_head)\.|\.nextn\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The header's tensors beside the architecture's weights."""

    bytes_of: Mapping[str, int]
    """Bytes of each weight of the architecture that the header has, by module path."""
    forms: Mapping[str, Format]
    """The format of each, where its tensor is of a plain one."""
    values_of: Mapping[str, int]
    """Values of each weight whose tensors are all of plain formats."""
    strangers: tuple[str, ...]
    """Tensors that no weight of the architecture explains."""


def match(architecture: Architecture, sizes: Mapping[str, int], stored: StoredWeights) -> Match:
    """Which tensor is which weight; `sizes` are the values of each weight by module path."""
    if stored.kind == "gguf":
        return _match_gguf(architecture, stored)
    return _match_safetensors(architecture, sizes, stored)


def sorted_out(strangers: Iterable[str], depth: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The tensors that the architecture does not explain: (predictors, buffers, what counts all the same)."""
    predictors: list[str] = []
    buffers: list[str] = []
    unexplained: list[str] = []
    for name in strangers:
        kind = unexplained
        if _BUFFERS.search(name):
            kind = buffers
        elif is_predictor(name, depth):
            kind = predictors
        kind.append(name)
    return tuple(predictors), tuple(buffers), tuple(unexplained)


def is_predictor(name: str, depth: int) -> bool:
    """Whether a tensor is of a layer for multi-token prediction, or beyond the last layer."""
    return _PREDICTORS.search(name) is not None or (_is_beyond(name, depth) and not _TOWER.search(name))


def is_of_tower(name: str, roots: Iterable[str]) -> bool:
    """Whether a tensor is of a tower, by the word or by where the architecture has its towers."""
    return _TOWER.search(name) is not None or any(root and root in name for root in roots)


def _is_beyond(name: str, depth: int) -> bool:
    layer = _LAYER.search(name)
    return layer is not None and int(layer[1]) >= depth


# --- safetensors ---------------------------------------------------------------------------------------------------


def _match_safetensors(architecture: Architecture, sizes: Mapping[str, int], stored: StoredWeights) -> Match:
    """Tensors by the module that they belong to: q_proj.weight, or q_proj.qweight with its scales and zero points."""
    prefix = _prefix(gguf.table_of(architecture), stored.tensors)
    experts = _expert_matrices(architecture)
    bytes_of: dict[str, int] = {}
    values: dict[str, int] = {}
    forms: dict[str, set[str]] = {}
    strangers = []
    for name, tensor in stored.tensors.items():
        owners = _owners(_without(name, prefix), sizes, experts)
        if not owners:
            strangers.append(name)
        whole = sum(sizes[owner] for owner in owners)
        for owner in owners:
            bytes_of[owner] = bytes_of.get(owner, 0) + tensor.bytes * sizes[owner] // whole
            values[owner] = values.get(owner, 0) + tensor.values * sizes[owner] // whole
            forms.setdefault(owner, set()).add(tensor.dtype)
    plain = {owner: found for owner, found in forms.items() if len(found) == 1 and found <= PLAIN}
    return Match(
        bytes_of=bytes_of,
        forms={owner: FORMATS[next(iter(found))] for owner, found in plain.items()},
        values_of={owner: values[owner] for owner in plain},
        strangers=tuple(strangers),
    )


def _expert_matrices(architecture: Architecture) -> Mapping[tuple[str, Part | None], str]:
    """The paths of the routed experts' matrices by module and part."""
    return {
        (tensor.path.rpartition(".0.")[0], tensor.weight.part): tensor.path
        for tensor in gguf.tensors(architecture)
        if tensor.expert
    }


def _owners(name: str, sizes: Mapping[str, int], experts: Mapping[tuple[str, Part | None], str]) -> list[str]:
    """The weights of the architecture that a tensor belongs to: one, or those that it fuses."""
    name = _EXPERT.sub(r"\g<1>0.", name)
    if name in sizes:
        return [name]
    fused = _FUSED.fullmatch(name)
    if fused:
        module, matrix, part = fused.groups()
        parts: tuple[Part, ...] = ("gate", "up") if matrix == "gate_up_proj" else ("down",)
        paths = [experts[module, one] for one in parts if (module, one) in experts]
        found = [f"{path}.bias" if part == "bias" else path for path in paths]
        return [one for one in found if one in sizes]
    owner, _, leaf = name.rpartition(".")
    if leaf == "bias":
        return []
    while owner:
        if owner in sizes:
            return [owner]
        owner = owner.rpartition(".")[0]
    return []


def _prefix(table: str | None, tensors: Mapping[str, StoredTensor]) -> tuple[str, str]:
    """(what to take off the file's names, what to put before them) so that its table has the architecture's name."""
    whole = f"{table}.weight"
    if table is None or whole in tensors:
        return "", ""
    for name in tensors:
        if name.endswith(f".{whole}"):
            return name.removesuffix(whole), ""
        if name.endswith(".weight") and whole.endswith(f".{name}"):
            return "", whole.removesuffix(name)
    return "", ""


def _without(name: str, prefix: tuple[str, str]) -> str:
    off, on = prefix
    if name.startswith(off):
        return on + name.removeprefix(off)
    return name


# --- GGUF ----------------------------------------------------------------------------------------------------------

_SINGLE_EXPERT = re.compile(r"(blk\.\d+\.ffn_(?:gate|up|down))\.\d+\.weight")
# newer files have it in two parts, attn_k_b and attn_v_b
_OTHER_KINDS = {"attn_kv_b": ("attn_kv_b", "attn_k_b")}


def _match_gguf(architecture: Architecture, stored: StoredWeights) -> Match:
    """Matrices by their kind and layer; what is left, such as norms, is of the formats that the mix gives it."""
    used: set[str] = set()
    sizes: dict[str, int] = {}
    values: dict[str, int] = {}
    forms: dict[str, Format] = {}
    bytes_of: dict[str, int] = {}
    expanding: set[str] = set()
    tensors = _with_experts_together(stored.tensors)
    for tensor in gguf.tensors(architecture):
        for name in _file_names(tensor):
            held = tensors.get(name)
            if held is None:
                continue
            forms[tensor.path] = FORMATS[held.dtype]
            sizes[tensor.path] = sizes.get(tensor.path, 0) + tensor.weight.size
            if name not in used:
                values[tensor.path] = values.get(tensor.path, 0) + held.values
                bytes_of[tensor.path] = bytes_of.get(tensor.path, 0) + held.bytes
            used.add(name)
            if tensor.weight.part == "kv_b":
                expanding.add(tensor.path)
            break
    same = {path for path in bytes_of if values[path] == sizes[path]}
    return Match(
        bytes_of={path: bytes_of[path] for path in same},
        forms={path: forms[path] for path in same},
        values_of={path: values[path] for path in bytes_of if path not in expanding},
        strangers=tuple(name for name in stored.tensors if name not in used and _is_strange(name, architecture.depth)),
    )


def _with_experts_together(tensors: Mapping[str, StoredTensor]) -> Mapping[str, StoredTensor]:
    """The tensors, with experts that stand one by one (as in files of 2023) as one of each kind and layer."""
    found: dict[str, StoredTensor] = {}
    for name, tensor in tensors.items():
        single = _SINGLE_EXPERT.fullmatch(name)
        whole = f"{single[1]}_exps.weight" if single else name
        so_far = found.get(whole)
        if single and so_far is not None:
            shape = (*tensor.shape, so_far.values // max(tensor.values, 1) + 1)
            tensor = replace(tensor, shape=shape, bytes=so_far.bytes + tensor.bytes)
        found[whole] = tensor
    return found


def _file_names(tensor: gguf.Tensor) -> list[str]:
    """What a file may call a matrix."""
    if tensor.kind in ("token_embd", "output"):
        return [f"{tensor.kind}.weight"]
    if tensor.layer is None or tensor.kind in ("vector", "position", "tower", "other"):
        return []
    kinds = _OTHER_KINDS.get(tensor.kind, (tensor.kind,))
    shared = tensor.weight.part is not None and tensor.weight.part.startswith("shared")
    if tensor.kind == "router":
        kinds = ("ffn_gate_inp_shexp",) if shared else ("ffn_gate_inp",)
    elif tensor.expert:
        kinds = (f"{tensor.kind}_exps",)
    elif shared:
        kinds = (f"{tensor.kind}_shexp",)
    return [f"blk.{tensor.layer}.{kind}.weight" for kind in kinds]


def _is_strange(name: str, depth: int) -> bool:
    """Whether a tensor is one that no decoder's layer has: beyond the last layer, or of a predictor."""
    return _is_beyond(name, depth) or _PREDICTORS.search(name) is not None
