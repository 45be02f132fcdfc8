"""Which weights a quantiser means by the modules that it names, and the format that it gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..errors import ConfigError
from ..operators import Role
from .numerics import Format

# A config is not trusted, and a regex can run for ever: what is more than this is refused, not run.
_LONGEST_PATTERN, _MOST_REPEATS = 300, 3
_MOST_ALIKE = 200
_EXPERT = re.compile(r"(experts\.)(\d+)(?=\.|$)")


class ModulePatterns:
    """Modules as a quantiser names them: exact, a path component or prefix, a glob, or `re:` and a regex.

    Single experts of a layer can be named (mlp.experts.17.up_proj): `share` is the part of them that is.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        plain = {pattern for pattern in patterns if not pattern.startswith("re:") and "*" not in pattern}
        single = {pattern for pattern in plain if _EXPERT.search(pattern)}
        self.plain = frozenset(plain - single)
        # by the path of expert 0, which stands for all of them: the numbers of those that are named
        self.experts: dict[str, set[int]] = {}
        for pattern in single:
            found = _EXPERT.search(pattern)
            assert found is not None
            self.experts.setdefault(_EXPERT.sub(r"\g<1>0", pattern), set()).add(int(found[2]))
        # by what stands before the first wildcard, so that a long list of globs is not tried one by one
        self.globs: dict[str, list[str]] = {}
        for pattern in patterns:
            if re.search(r"experts\\?\.(\d|\(|\[)", pattern) and pattern not in plain:
                raise ConfigError(
                    f"The config's quantization_config names single experts by a pattern ({pattern!r}), which is not "
                    "described; give precision to count one format."
                )
            if "*" in pattern and not pattern.startswith("re:"):
                literal, wildcard, rest = pattern.partition("*")
                self.globs.setdefault(literal, []).append(wildcard + rest)
        self.regexes = tuple(compiled(pattern) for pattern in patterns if pattern.startswith("re:"))
        if max((len(rests) for rests in self.globs.values()), default=0) > _MOST_ALIKE:
            raise ConfigError(
                f"The config's quantization_config has more than {_MOST_ALIKE} patterns that begin alike; give "
                "precision to count one format."
            )
        self.by_layer = any(re.search(r"\.\d+(\.|$|\*)", pattern) for pattern in patterns)

    def __bool__(self) -> bool:
        return bool(self.plain or self.experts or self.globs or self.regexes)

    def match(self, path: str) -> bool:
        return self.share(path, 1) == 1.0

    def share(self, path: str, copies: int) -> float:
        """The part of the `copies` equal modules at `path` that is meant, 0 to 1; other than these only for experts."""
        pieces = path.split(".")
        runs = [".".join(pieces[i:j]) for i in range(len(pieces)) for j in range(len(pieces), i, -1)]
        if self.plain and any(run in self.plain for run in runs):
            return 1.0
        heads = [".".join(pieces[: i + 1]) for i in range(len(pieces))]
        if self.globs and any(
            fnmatchcase(head[end:], rest)
            for head in heads
            for end in range(len(head) + 1)
            for rest in self.globs.get(head[:end], ())
        ):
            return 1.0
        if any(regex.match(path) for regex in self.regexes):
            return 1.0
        if self.experts:
            named = set[int]().union(*(self.experts[run] for run in runs if run in self.experts))
            return sum(number < copies for number in named) / copies
        return 0.0


def compiled(pattern: str) -> re.Pattern[str]:
    """The regex of a pattern. Raises ConfigError for what is no regex or could run for long."""
    expression = pattern.removeprefix("re:")
    bare = re.sub(r"\\.", "x", expression)
    if (
        len(expression) > _LONGEST_PATTERN
        or re.search(r"\)[*+{]", bare)
        or len(re.findall(r"[*+{]", bare)) > _MOST_REPEATS
        or re.search(r"\\\d|\(\?P=", expression)
    ):
        raise ConfigError(
            f"The config's quantization_config has the pattern {expression[:60]!r}, which could take too long to match "
            f"(a repeated group, a back-reference, or more than {_MOST_REPEATS} repeats); give precision to count one "
            "format."
        )
    try:
        return re.compile(expression)
    except re.error as error:
        raise ConfigError(f"The config's quantization_config names {pattern!r}, which is no regex: {error}.") from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """The format of the weights that it takes: of these roles, and in these modules or of these names; None is any."""

    form: Format
    roles: frozenset[Role] | None = None
    modules: ModulePatterns | None = None
    names: frozenset[str] | None = None
    """Module paths, exactly."""
    within: str = ""
    """The part of a pipeline that it holds in, whose own paths it names: those that begin so, with what follows."""

    def share(self, role: Role, name: str, copies: int) -> float:
        """The part of the `copies` equal weights of this name that it takes, 0 to 1."""
        if not name.startswith(self.within):
            return 0.0
        name = name.removeprefix(self.within)
        if (self.roles is not None and role not in self.roles) or (self.names is not None and name not in self.names):
            return 0.0
        return 1.0 if self.modules is None else self.modules.share(name, copies)

    @property
    def by_layer(self) -> bool:
        return self.names is not None or (self.modules is not None and self.modules.by_layer)
