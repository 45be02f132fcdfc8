"""An adapter as PEFT's adapter_config.json describes it: which matrices have one, of which rank, and what is beside it.

PEFT names modules by the end of their path or by a regular expression over all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..checks import choice, flag, names, whole
from ..errors import ArgumentError, did_you_mean, shown
from ..path_patterns import path_pattern
from ..untrusted import raw, untrusted

if TYPE_CHECKING:
    from ..architecture import Architecture, Layer
    from ..operators import Operator, Weight
    from ..operators.base import Shards

# Fields of PEFT 0.19 that change no size, or only with one that is refused.
_WITHOUT_SIZE = frozenset(
    [
        "peft_type",
        "auto_mapping",
        "base_model_name_or_path",
        "revision",
        "task_type",
        "inference_mode",
        "lora_alpha",
        "alpha_pattern",
        "lora_dropout",
        "fan_in_fan_out",
        "init_lora_weights",
        "loftq_config",
        "eva_config",
        "corda_config",
        "lora_ga_config",
        "megatron_config",
        "megatron_core",
        "use_rslora",
        "runtime_config",
        "peft_version",
        "qalora_group_size",
        "ensure_weight_tying",
        "alora_invocation_tokens",
    ]
)
_WITH_SIZE = (
    *("r", "target_modules", "exclude_modules", "rank_pattern", "modules_to_save", "use_dora", "layers_to_transform"),
    *("layers_pattern", "bias", "lora_bias", "target_parameters", "trainable_token_indices"),
)
_NOT_DESCRIBED = ("layer_replication", "use_qalora", "use_bdlora", "arrow_config")
FIELDS = frozenset((*_WITHOUT_SIZE, *_WITH_SIZE, *_NOT_DESCRIBED))
_MOST_RANK, _MOST_LAYER, _MOST_NAMES = 65_536, 100_000, 10_000
_PLAIN, _LONGEST_PATTERNS = re.compile(r"[\w.]+"), 2_000
_BIASES = ("none", "all", "lora_only")
# What a pattern may say of numbers without naming one.
_ANY_NUMBER = re.compile(r"\[?(?:\\d|0-9)\]?|\{\d*,?\d*\}")

Matches = Callable[[str], bool]
_NOTHING: Matches = frozenset[str]().__contains__


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeftAdapter:
    """One adapter whose every field was checked. Module paths are those of the checkpoint."""

    rank: int
    rank_pattern: tuple[tuple[Matches, int], ...] = ()
    targeted: Matches | None = None
    """None: every matrix of a layer, routed experts apart."""
    excluded: Matches | None = None
    named: tuple[str, ...] = ()
    """Names of targets, where they are a list."""
    pattern: str = ""
    """The expression, where they are not."""
    parameters: tuple[str, ...] = ()
    """Experts of a layer that are one tensor, each of which has an adapter for each expert."""
    saved: tuple[str, ...] = ()
    """Modules that are kept whole."""
    layers: frozenset[int] | None = None
    layers_patterns: tuple[str, ...] = ()
    dora: bool = False
    bias: str = "none"
    lora_bias: bool = False
    tokens: int = 0
    """Rows of the vocabulary that are trained."""
    by_layer: bool = False
    """Whether something names single layers."""
    of_making: bool = False
    """Of a pipeline that makes images or videos, on whose decoder no adapter is trained."""
    _ranks: dict[tuple[str, int | None], int] = field(default_factory=dict, repr=False)

    @property
    def beside_low_rank(self) -> tuple[str, ...]:
        """Fields by which it is more than two matrices of low rank a target."""
        kept = {"modules_to_save": self.saved, "use_dora": self.dora, "bias": self.bias != "none"}
        return tuple(name for name, has in kept.items() if has)

    def at_rank(self, rank: int) -> PeftAdapter:
        """The same in slots of an engine's largest rank. Raises ArgumentError where that is less than its own."""
        largest = max((self.rank, *(own for _, own in self.rank_pattern)))
        if rank < largest:
            raise ArgumentError(f"max_lora_rank {rank} is less than the adapter's rank, {largest}.")
        return replace(self, rank=rank, rank_pattern=(), _ranks={})

    def rank_of(self, weight: Weight, path: str, layer: int | None) -> int:
        """The rank of the adapter beside a matrix; 0 where there is none."""
        if weight.role in ("vector", "buffer"):
            return 0
        key = (path, layer)
        if key not in self._ranks:
            self._ranks[key] = self._rank_at(path, layer) if self._is_target(weight, path) else 0
        return self._ranks[key]

    def keeps_bias(self, weight: Weight, targets: Collection[str]) -> bool:
        """Whether a bias is trained and kept."""
        if not weight.name.endswith(".bias"):
            return False
        return self.bias == "all" or (self.bias == "lora_only" and weight.name.removesuffix(".bias") in targets)

    def _is_target(self, weight: Weight, path: str) -> bool:
        if self.excluded is not None and self.excluded(path):
            return False
        return weight.role in ("linear", "tower") if self.targeted is None else self.targeted(path)

    def _rank_at(self, path: str, layer: int | None) -> int:
        if self.layers is not None:
            within = not self.layers_patterns or any(f".{one}.{layer}." in f".{path}" for one in self.layers_patterns)
            if layer not in self.layers or not within:
                return 0
        return next((rank for matches, rank in self.rank_pattern if matches(path)), self.rank)


def is_peft(config: Mapping[str, Any]) -> bool:
    """Whether fields are PEFT's, and not those by which an engine is told of its adapters."""
    return any(name in FIELDS and name != "target_modules" for name in config)


def read_peft(config: Mapping[str, Any]) -> PeftAdapter:
    """The adapter of an adapter_config.json. Raises ArgumentError for what is wrong in it, or not described."""
    kind = config.get("peft_type", "LORA")
    if not isinstance(kind, str) or kind.upper() != "LORA":
        raise ArgumentError(
            f"lora_config's peft_type {shown(kind)} is not described: only LORA is, with use_dora and lora_bias."
        )
    for name in _NOT_DESCRIBED:
        if config.get(name):
            raise ArgumentError(
                f"lora_config's {name} is not described; give max_lora_rank and target_modules instead."
            )
    if config.get("r") is None:
        raise ArgumentError("lora_config has no r, the rank of a PEFT adapter; give its whole adapter_config.json.")
    targets, parameters = config.get("target_modules"), _listed(config, "target_parameters")
    if targets is None and not parameters:
        raise ArgumentError("lora_config has neither target_modules nor target_parameters; give one of them.")
    everything = targets == "all-linear" or targets == ["all-linear"]
    ranks = config.get("rank_pattern") or {}
    if not isinstance(ranks, Mapping) or len(ranks) > _MOST_NAMES or not all(isinstance(key, str) for key in ranks):
        raise ArgumentError(f"lora_config's rank_pattern must be an object of ranks by module, and is {shown(ranks)}.")
    if sum(len(key) for key in ranks if not _PLAIN.fullmatch(key)) > _LONGEST_PATTERNS:
        raise ArgumentError(
            f"lora_config's rank_pattern has patterns of more than {_LONGEST_PATTERNS:,} characters together."
        )
    layers = _layers(config.get("layers_to_transform"))
    patterns = [entry for name in ("target_modules", "exclude_modules") for entry in _entries(config.get(name))]
    return PeftAdapter(
        rank=whole("lora_config's r", config["r"], most=_MOST_RANK),
        rank_pattern=tuple(
            (_ending_in(key), whole("lora_config's rank_pattern", rank, most=_MOST_RANK)) for key, rank in ranks.items()
        ),
        targeted=None if everything else _matches(config, "target_modules") if targets is not None else _NOTHING,
        excluded=_matches(config, "exclude_modules") if config.get("exclude_modules") else None,
        named=() if everything or isinstance(targets, str) else _listed(config, "target_modules"),
        pattern=targets if isinstance(targets, str) else "",
        parameters=parameters,
        saved=_listed(config, "modules_to_save"),
        layers=layers,
        layers_patterns=_listed(config, "layers_pattern"),
        dora=_flag(config, "use_dora"),
        bias=choice("lora_config's bias", config.get("bias") or "none", _BIASES),
        lora_bias=_flag(config, "lora_bias"),
        tokens=_tokens(config.get("trainable_token_indices")),
        by_layer=layers is not None
        or any(re.search(r"\d", _ANY_NUMBER.sub("", one)) for one in (*patterns, *ranks, *parameters)),
    )


def _entries(value: object) -> tuple[str, ...]:
    """A pattern or each of a list, for a look at what they name."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple, set)) else ()


def _listed(config: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of names, or one name."""
    value = config.get(name)
    if value is None:
        return ()
    found = names(f"lora_config's {name}", value)
    # PEFT's own class has sets of them
    listed = (raw(found),) if isinstance(found, str) else tuple(sorted({raw(name) for name in found}))
    if len(listed) > _MOST_NAMES:
        raise ArgumentError(f"lora_config's {name} has {len(listed):,} names, more than {_MOST_NAMES:,}.")
    return listed


def _matches(config: Mapping[str, Any], name: str) -> Matches:
    """A regular expression over the whole path, or a list of what it ends with."""
    value = config[name]
    if isinstance(value, str):
        return path_pattern(value, f"lora_config's {name}").fullmatch
    ends = frozenset(_listed(config, name))
    if not ends:
        raise ArgumentError(f"lora_config's {name} is empty; give the names of projections, such as q_proj.")
    return lambda path: any(end in ends for end in _ends(path))


def _ending_in(key: str) -> Matches:
    """What ends in the modules of a name or a regular expression."""
    if _PLAIN.fullmatch(key):
        return lambda path: path == key or path.endswith(f".{key}")
    return path_pattern(r"(.*\.)?(" + key + ")", "lora_config's rank_pattern").fullmatch


def _ends(path: str) -> Iterator[str]:
    """Every run of names that a path ends with."""
    while path:
        yield path
        path = path.partition(".")[2]


def _layers(value: object) -> frozenset[int] | None:
    # PEFT takes an empty list for none
    if value is None or value == []:
        return None
    entries = list(value) if isinstance(value, (list, tuple, set)) else [value]
    return frozenset(whole("lora_config's layers_to_transform", one, least=0, most=_MOST_LAYER) for one in entries)


def _flag(config: Mapping[str, Any], name: str) -> bool:
    return flag(f"lora_config's {name}", config.get(name) or False)


def _tokens(value: object) -> int:
    """How many rows of tables are trained."""
    total = 0
    for table in value.values() if isinstance(value, Mapping) else () if value is None else (value,):
        if not isinstance(table, (list, tuple)):
            raise ArgumentError(
                "lora_config's trainable_token_indices must be a list of tokens, or lists by table, and is "
                f"{shown(value)}."
            )
        total += len(table)
    return total


# --- sizes ---------------------------------------------------------------------------------------------------------


def layer_values(adapter: PeftAdapter, layer: Layer, shards: Shards) -> list[tuple[float, int]]:
    """(values, how many layers have them) of what the adapter keeps of the layers of a group on one rank."""
    return [(_values(adapter, layer, path, index, shards), same) for path, index, same in _unlike(adapter, layer)]


def _unlike(adapter: PeftAdapter, layer: Layer) -> list[tuple[str, int | None, int]]:
    """(path, index, how many are as it is) of the layers of a group that the adapter may tell apart."""
    paths = list(zip(layer.module_paths(), layer.indices or (None,), strict=True))
    if adapter.by_layer:
        return [(path, index, 1) for path, index in paths]
    # without a number in them, patterns can tell numbers apart by how many digits they have
    alike: dict[int, list[tuple[str, int | None]]] = {}
    for entry in paths:
        alike.setdefault(len(entry[0]), []).append(entry)
    return [(*entries[0], len(entries)) for entries in alike.values()]


def _values(adapter: PeftAdapter, layer: Layer, path: str, index: int | None, shards: Shards) -> float:
    total, prefix = 0.0, f"{path}." if path else ""
    for operator in layer.operators:
        weights = operator.self_contained().weights()
        targets = _targets(adapter, operator, weights, prefix, index)
        for rank in set(targets.values()):
            of_rank = frozenset(name for name, own in targets.items() if own == rank)
            total += operator.adapter_values(rank, shards, _named(of_rank))
        for weight in weights:
            whole_path = prefix + weight.name
            if weight.name in targets:
                outputs = weight.columns if weight.role == "table" else weight.rows
                total += (adapter.dora + adapter.lora_bias) * weight.copies * outputs
            if adapter.keeps_bias(weight, targets) or any(f".{one}." in f".{whole_path}." for one in adapter.saved):
                total += weight.size
            if weight.part == "vocabulary" and weight.role == "table":
                total += adapter.tokens * weight.columns
        total += sum(_of_parameter(adapter, name, prefix, weights) for name in adapter.parameters)
    return total


def _targets(
    adapter: PeftAdapter, operator: Operator, weights: tuple[Weight, ...], prefix: str, index: int | None
) -> dict[str, int]:
    """The rank of the adapter beside each matrix of an operator that has one."""
    if adapter.targeted is None and operator.filters:
        return {}
    return {weight.name: rank for weight in weights if (rank := adapter.rank_of(weight, prefix + weight.name, index))}


def _named(chosen: frozenset[str]) -> Callable[[Weight], bool]:
    return lambda weight: weight.name in chosen


def _of_parameter(adapter: PeftAdapter, name: str, prefix: str, weights: tuple[Weight, ...]) -> float:
    """Values beside the experts of a layer that are one tensor: a low rank for each of them."""
    parts = [weight for weight in weights if _is_parameter(name, prefix, weight)]
    if not parts:
        return 0.0
    first = parts[0]
    rank = next((rank for matches, rank in adapter.rank_pattern if matches(prefix + name)), adapter.rank)
    return first.copies * rank * (first.columns + sum(weight.rows for weight in parts))


def _is_parameter(name: str, prefix: str, weight: Weight) -> bool:
    """Whether the parameter of this name is the tensor of all experts that this matrix is a part of."""
    if weight.role != "expert":
        return False
    module, _, matrix = (prefix + weight.name).rpartition(".0.")
    fused = "gate_up_proj" if weight.part in ("gate", "up") else matrix
    return any(name in _ends(f"{module}.{one}") for one in (matrix, fused))


def check_peft(adapter: PeftAdapter, architecture: Architecture) -> tuple[str, ...]:
    """Names of the list of targets that no matrix has.

    Raises ArgumentError where nothing at all is a target, a module to save is not there, or single experts are meant.
    """
    found, paths, known, named = set[str](), list[str](), set[str](), frozenset(adapter.named)
    matched = False
    for layer in architecture.layers():
        for path, index, _ in _unlike(adapter, layer):
            prefix = f"{path}." if path else ""
            for operator in layer.operators:
                weights = operator.self_contained().weights()
                targets = _targets(adapter, operator, weights, prefix, index)
                matched = matched or bool(targets)
                for weight in weights:
                    whole_path = prefix + weight.name
                    paths.append(whole_path)
                    known.add(weight.name.rpartition(".")[2])
                    matched = matched or any(_is_parameter(name, prefix, weight) for name in adapter.parameters)
                    if weight.name in targets or (adapter.excluded is not None and adapter.excluded(whole_path)):
                        found.update(end for end in _ends(whole_path) if end in named)
                    if weight.role == "expert":
                        _check_experts(adapter, weight, whole_path, index)
    if not matched:
        if adapter.pattern:
            raise ArgumentError(
                f"lora_config's target_modules {shown(untrusted(adapter.pattern))} is a pattern over whole paths, such "
                f"as {next((path for path in paths if path.endswith('_proj')), paths[0])!r}, and matches none of this "
                "model; names of projections are a list."
            )
        what = [*adapter.named, *adapter.parameters]
        if any(end in what for path in paths for end in _ends(path)):
            raise ArgumentError(
                f"lora_config names {shown(untrusted(what))}, and its layers_to_transform (this model has layers 0 to "
                f"{architecture.depth - 1}), layers_pattern or exclude_modules leave none of them."
            )
        near = did_you_mean(what[0], sorted(known))
        raise ArgumentError(f"lora_config names {shown(untrusted(what))}, which no matrix of this model is.{near}")
    for name in adapter.saved:
        if not any(f".{name}." in f".{path}." for path in paths):
            raise ArgumentError(
                f"lora_config's modules_to_save names {shown(untrusted(name))}, which this model does not have."
                f"{did_you_mean(name, sorted(known))} Leave it out to count the rest."
            )
    return tuple(name for name in adapter.named if name not in found)


def _check_experts(adapter: PeftAdapter, weight: Weight, path: str, index: int | None) -> None:
    """Raise ArgumentError where the adapter is not beside all experts alike, or beside none: one stands for all."""
    module, _, matrix = path.rpartition(".0.")
    numbers = {0, 1, weight.copies // 2, weight.copies - 1}
    if len({adapter.rank_of(weight, f"{module}.{number}.{matrix}", index) for number in numbers}) > 1:
        raise ArgumentError(
            f"lora_config names single experts of {module}, which is not described; give max_lora_rank and "
            "target_modules instead."
        )
