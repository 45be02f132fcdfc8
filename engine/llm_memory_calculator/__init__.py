"""Memory, speed and layouts of language models on accelerators, from one description of each model.

    >>> from llm_memory_calculator import calculate_memory
    >>> print(calculate_memory("meta-llama/Llama-3.1-70B", tensor_parallel=4))

The public names stand in the stub beside this file; each is imported when it is first used, so that
`import llm_memory_calculator` stays light.
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

_HOME_OF = {
    alias.name: "." * statement.level + (statement.module or "")
    for statement in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body
    if isinstance(statement, ast.ImportFrom)
    for alias in statement.names
}

__version__ = "0.1.0"
__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
