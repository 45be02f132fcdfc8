"""Which weights a quantiser means by the modules that it names, and the format that it gives them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import lru_cache

from ..architecture import Architecture
from ..errors import ArgumentError, ConfigError
from ..operators import Role, Weight
from ..path_patterns import PathPattern, path_pattern
from ..untrusted import raw, untrusted
from .numerics import Format

# A config is not trusted: what is more than this is refused, not run.
_MOST_PATTERNS, _MOST_MATCHES = 2_000, 2_000_000
# A regex can run for ever in `re`, where each repeat tries each length of a name: what one match can cost by its
# repeats, and where it has more of them, or repeats a group, and is matched in bounded time.
_COST_OF_REPEATS = (1, 1, 6, 36)
_COST_BOUNDED = 250
# where a pattern says which layer, and not which expert
_LAYER_NUMBER = re.compile(r"(?:layers|blocks|h)\\?\.(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\]]*\][+*]?|\\d[+*]?|\d+)")
_EXPERT = re.compile(r"((?:^|\.)experts\.)(\d+)(?=\.|$)")
# in a run of letters of a pattern, of which the name may be cut
_EXPERT_NUMBER = re.compile(r"((?:^|experts)\.)\d+(?=\.|$)|^\d+(?=\.|$)")
# What stands before the layers in one library's names and not in another's (MLX, vLLM, transformers by its version).
_WRAPPERS = frozenset({"model", "language_model", "text_model", "llm", "transformer", "backbone", "base_model"})
_SPELLINGS = ("", "model.", "language_model.", "language_model.model.", "model.language_model.", "transformer.")
# What stands behind a matrix's own name where a library wraps it in a module of its own.
_INNER = (".weight", ".linear", ".base_layer")
# Several matrices under one name, as engines and newer checkpoints fuse them; MLX names stacked experts its own way.
_FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Modules:
    """Every weight of an architecture by its module path, as the quantisers' names are looked up in it."""

    paths: Mapping[str, str]
    """The paths by the part of them that all libraries share: without what stands before the layers."""
    weights: Mapping[str, Weight]
    """The weight at each; of experts, one for all of a layer."""
    in_order: Sequence[str]
    """The same paths by their letters, so that those in a module follow one another."""
    of_towers: frozenset[str]
    """The paths of what towers for images and sounds have."""

    def below(self, module: str) -> Sequence[str]:
        """What stands at or below a module, both without what stands before the layers."""
        # the character after the point is a slash
        inside = self.in_order[bisect_left(self.in_order, f"{module}.") : bisect_left(self.in_order, f"{module}/")]
        return [module, *inside] if module in self.paths else inside


@lru_cache(maxsize=16)
def modules_of(architecture: Architecture, within: str = "") -> Modules:
    """The modules of an architecture, or of the part of a pipeline whose paths begin with `within`."""
    paths: dict[str, str] = {}
    found: dict[str, Weight] = {}
    of_towers: set[str] = set()
    for layer in architecture.layers():
        in_tower = layer in architecture.towers
        weights = [
            weight
            for operator in layer.operators
            for weight in (operator.weights() or operator.self_contained().weights())
        ]
        for path in layer.module_paths():
            prefix = f"{path}." if path else ""
            for weight in weights:
                name = f"{prefix}{weight.name}"
                common = _common(name.removeprefix(within))
                if common in paths or not name.startswith(within):
                    continue
                paths[common] = name.removeprefix(within)
                found[common] = weight
                if in_tower:
                    of_towers.add(paths[common])
    return Modules(
        paths=paths,
        weights=found,
        in_order=sorted(paths),
        of_towers=frozenset(of_towers),
    )


def _common(name: str) -> str:
    """The part of a module's path that all libraries share."""
    pieces = name.split(".")
    start = 0
    while start < len(pieces) and pieces[start] in _WRAPPERS:
        start += 1
    return ".".join(pieces[start:])


def _ends(name: str) -> Iterator[int]:
    """Where each of the modules that a path goes through ends."""
    at = name.find(".")
    while at != -1:
        yield at
        at = name.find(".", at + 1)
    yield len(name)


class ModulePatterns:
    """Modules as a quantiser names them: by name, by a glob, or by `re:` and a regex; and which weights these are.

    A plain name is that module and, where `below`, everything in it; a relative one (mlp.gate, visual) is any module of
    this name. Names are compared without what one library puts before the layers and another does not. Single experts
    of a layer can be named (mlp.experts.17.up_proj): the share of them that is meant is said.
    """

    def __init__(
        self, patterns: Iterable[str], *, below: bool = True, anywhere: bool = False, stated: bool = True
    ) -> None:
        self.below = below
        self.stated = stated
        """Whether the config names them, so that one that takes nothing is worth saying."""
        every = tuple(dict.fromkeys(map(raw, patterns)))
        self._names = tuple(pattern for pattern in every if not pattern.startswith("re:") and "*" not in pattern)
        others = [pattern for pattern in every if pattern.startswith("re:") or "*" in pattern]
        if len(others) > _MOST_PATTERNS:
            raise ConfigError(
                f"The config's quantization_config has {len(others):,} patterns, more than {_MOST_PATTERNS:,}; give "
                "precision to count one format."
            )
        self._matchers = [_Matcher(pattern, anywhere) for pattern in others]

    def taken(self, modules: Modules) -> tuple[dict[str, float], list[str]]:
        """(the share of the weights at each path that is meant, 0 to 1, and the patterns that take none).

        Raises ConfigError where that would take too long.
        """
        found: dict[str, float] = {}
        idle, left = [], _MOST_MATCHES
        for matcher in self._matchers:
            shares, left = matcher.taken(modules, left)
            idle += [] if shares else [matcher.pattern]
            for name, share in shares.items():
                found[name] = min(1.0, found.get(name, 0.0) + share)
        single: dict[str, set[int]] = {}
        meant: dict[str, list[str]] = {}
        unknown = []
        for name in self._names:
            expert = _EXPERT.search(name)
            # experts are one path, under the number 0
            path = name if expert is None else f"{name[: expert.start(2)]}0{name[expert.end(2) :]}"
            if path not in meant:
                meant[path] = self._meant(path, modules)
            if not meant[path]:
                unknown.append(name)
            for one in meant[path]:
                if expert is not None and modules.weights[one].copies > 1:
                    single.setdefault(one, set()).add(int(expert[2]))
                else:
                    found[one] = 1.0
        idle += _relative(unknown, modules, found) if self.below else unknown
        for name, numbers in single.items():
            share = sum(number < modules.weights[name].copies for number in numbers) / modules.weights[name].copies
            found[name] = min(1.0, max(found.get(name, 0.0), share))
        return {modules.paths[name]: share for name, share in found.items() if share}, untrusted(idle)

    def _meant(self, name: str, modules: Modules) -> list[str]:
        """The paths that a whole name means; none where it is no module of this model."""
        common = _common(name)
        found: list[str] = []
        for one in _meanings(common):
            if self.below:
                found += modules.below(one)
            elif one in modules.paths:
                found.append(one)
        # or a module of a library's own inside one of our matrices
        return found or [common[:end] for end in _ends(common) if common[:end] in modules.paths]


def _relative(names: Iterable[str], modules: Modules, found: dict[str, float]) -> list[str]:
    """Add all that is in a module of one of these names, wherever that stands; the names of none."""
    wanted = {_common(name) or name: name for name in names}
    unused = dict(wanted)
    lengths = sorted({name.count(".") + 1 for name in wanted})
    for path in modules.paths if wanted else ():
        pieces = path.split(".")
        for length in lengths:
            for start in range(1, len(pieces) - length + 1):
                run = ".".join(pieces[start : start + length])
                if run in wanted:
                    found[path] = 1.0
                    unused.pop(run, None)
    return list(unused.values())


def _meanings(name: str) -> Iterator[str]:
    """A name, and how our modules may be called that it means."""
    yield name
    if "switch_mlp." in name:
        yield name.replace("switch_mlp.", "experts.0.")
    head, _, leaf = name.rpartition(".")
    for fused in _FUSED.get(leaf, ()):
        yield f"{head}.0.{fused}" if head.endswith("experts") else f"{head}.{fused}"


class _Matcher:
    """A glob or a regex."""

    def __init__(self, pattern: str, anywhere: bool) -> None:
        self.pattern = pattern
        self.root = ""
        """The module that it begins with, without what stands before the layers: only what is in it is tried."""
        self.match: Callable[[str], object]
        if pattern.startswith("re:"):
            expression = pattern.removeprefix("re:")
            regex, self.cost = _regex(expression)
            self.match = regex.search if anywhere else regex.match
            self.pieces = _literals(expression)
            if self.pieces and re.match(r"\w", expression) and not anywhere:
                begin = _EXPERT_NUMBER.sub(r"\g<1>0", self.pieces[0])
                self.root = _common(begin).rpartition(".")[0]
            begins_anywhere = anywhere or expression.startswith(".*")
        else:
            glob = _common(pattern)
            self.root = _EXPERT_NUMBER.sub(r"\g<1>0", re.split(r"[*?[]", glob, maxsplit=1)[0].rpartition(".")[0])
            self.cost = 1
            # a glob of a module means all that is in it
            self.match = re.compile(f"(?:{translate(glob)})|(?:{translate(glob + '.*')})").match
            self.pieces = () if "[" in glob else tuple(piece for piece in re.split(r"[*?]+", glob) if piece)
            begins_anywhere = glob.startswith("*")
        # other libraries' names matter where a pattern says how a name begins
        self.before = (None,) if begins_anywhere else (None, *_SPELLINGS)
        # whether it may take some experts of a layer and not others: it has a number, or what stands for one
        rest = _LAYER_NUMBER.sub("", pattern)
        self.by_expert = re.search(r"(?<![A-Za-z])\d+(?![A-Za-z])|\[|\\d|\\w|\?", rest) is not None

    def taken(self, modules: Modules, left: int) -> tuple[dict[str, float], int]:
        """(the share of each path that it takes, how many of `left` matches are left).

        Names are those of our modules, and those of another library where it takes none of these.
        """
        within: Iterable[str] = modules.below(self.root) if self.root else modules.paths
        for before, behind in (*((one, "") for one in self.before), *((None, one) for one in _INNER)):
            found = {}
            for name in within:
                text = f"{modules.paths[name] if before is None else before + name}{behind}"
                copies = modules.weights[name].copies if self.by_expert else 1
                if not all(piece in text or (copies > 1 and _may_be_numbered(piece, text)) for piece in self.pieces):
                    continue
                left -= self.cost * copies
                if left < 0:
                    raise ConfigError(
                        f"The config's quantization_config has patterns such as {untrusted(self.pattern)!r}, which "
                        "would take too long to match with every module; give precision to count one format."
                    )
                share = self._share(text, copies)
                if share:
                    found[name] = share
            left -= len(modules.paths) // 50
            if found:
                return found, left
        return {}, left

    def _share(self, name: str, copies: int) -> float:
        if copies == 1:
            return 1.0 if self.match(name) else 0.0
        numbered = (_EXPERT.sub(rf"\g<1>{number}", name) for number in range(copies))
        return sum(bool(self.match(one)) for one in numbered) / copies


def _literals(expression: str) -> tuple[str, ...]:
    """Runs of letters that every match of a regex has; none where it has alternatives or groups."""
    if re.search(r"[|(\[{]", expression):
        return ()
    found, run, at = list[str](), "", 0
    while at < len(expression):
        letter = expression[at]
        at += 1
        if letter == "\\" and at < len(expression) and not expression[at].isalnum():
            run, at = run + expression[at], at + 1
        elif letter.isalnum() or letter in "_-":
            run += letter
        else:
            # what a star or a question mark follows may be left out
            found.append(run[:-1] if letter in "*?" else run)
            run, at = "", at + (letter == "\\")
    return tuple(piece for piece in (*found, run) if piece)


def _may_be_numbered(piece: str, text: str) -> bool:
    """Whether a run may be of another expert than the first: it is the first's with another number."""
    return re.search(r"\d", piece) is not None and _EXPERT_NUMBER.sub(r"\g<1>0", piece) in f".{text}."


def _regex(expression: str) -> tuple[re.Pattern[str] | PathPattern, int]:
    """(the regex, what a match of it costs). Raises ConfigError for what is none."""
    bare = re.sub(r"\\.", "x", expression)
    # one at the end tries nothing again
    repeats = len(re.findall(r"[*+{]", re.sub(r"\.[*+]\$?$", "", bare)))
    try:
        if re.search(r"\)[*+{]", bare) or repeats >= len(_COST_OF_REPEATS) or re.search(r"\\\d|\(\?P=", expression):
            return path_pattern(expression, "The config's quantization_config has a pattern that"), _COST_BOUNDED
        return re.compile(expression), _COST_OF_REPEATS[repeats]
    except re.error as error:
        # whose own text repeats a part of it
        at = f"at character {(error.pos or 0) + 1}"
        raise ConfigError(
            f"The config's quantization_config names {untrusted(expression)!r}, which is no regex ({at}); give "
            "precision to count one format."
        ) from error
    except ArgumentError as error:
        raise ConfigError(f"{error} Give precision to count one format.") from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """The format of the weights that it takes: of these roles, and in these modules; None is any."""

    form: Format
    roles: frozenset[Role] | None = None
    modules: ModulePatterns | None = None
    """As the quantiser names them, until they are looked up in an architecture."""
    taken: Mapping[str, float] | None = field(default=None, repr=False)
    """The share of the weights at each path that is meant, 0 to 1, once they are."""

    outside_towers: bool = False
    """Whether it leaves towers for images and sounds alone."""
    within: str = ""
    """The part of a pipeline that it holds in, whose own paths it names: those that begin so, with what follows."""

    def share(self, role: Role, name: str) -> float:
        """The part of the equal weights of this name that it takes, 0 to 1."""
        if self.roles is not None and role not in self.roles:
            return 0.0
        return 1.0 if self.taken is None else self.taken.get(name, 0.0)


def looked_up(rules: Iterable[Rule], architecture: Architecture) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """(the rules with the weights that they take, and the patterns of all of them that take none).

    A matrix whose inputs are no multiple of a format's block cannot have that format, and is left to the rules after.
    """
    found: list[Rule] = []
    idle: list[str] = []
    for rule in rules:
        modules = modules_of(architecture, rule.within)
        taken = dict.fromkeys(modules.paths.values(), 1.0) if rule.within else None
        if rule.modules is not None:
            taken, unused = rule.modules.taken(modules)
            idle += unused if rule.modules.stated else []
        beyond = (
            {
                modules.paths[name]
                for name, weight in modules.weights.items()
                if rule.roles is not None and weight.role in rule.roles and weight.columns % rule.form.block
            }
            if rule.form.block > 1
            else set[str]()
        )
        if rule.outside_towers:
            beyond |= modules.of_towers
        if beyond:
            everything = dict.fromkeys(modules.paths.values(), 1.0) if taken is None else taken
            taken = {path: share for path, share in everything.items() if path not in beyond}
        if taken is not None:
            taken = {f"{rule.within}{path}": share for path, share in taken.items()}
        found.append(replace(rule, modules=None, taken=taken))
    return tuple(found), tuple(dict.fromkeys(idle))


def uneven(rules: Iterable[Rule], architecture: Architecture) -> frozenset[str]:
    """The paths of layers of which some rule takes one and not another."""
    named = [rule.taken for rule in rules if rule.taken is not None]
    found = set()
    if named:
        shares: dict[tuple[str, str], tuple[float, ...]] = {}
        for layer in architecture.layers():
            names = {weight.name for operator in layer.operators for weight in operator.self_contained().weights()}
            for path in layer.module_paths() if layer.repeat > 1 or layer.indices is not None else ():
                for name in names:
                    own = tuple(taken.get(f"{path}.{name}", 0.0) for taken in named)
                    if shares.setdefault((layer.path, name), own) != own:
                        found.add(layer.path)
    return frozenset(found)
