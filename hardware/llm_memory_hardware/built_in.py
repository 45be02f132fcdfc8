"""The package's own accelerators, read from ``catalogue.jsonl``.

The file has two lines for each accelerator, in the order of their names: what it is called, and what it is. The names
of all are read at the first question, the rest of one when it is asked for, each once. ``write_catalogue`` makes the
file from the TOMLs in ``accelerators/`` and checks what it writes, so that nothing is checked here.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from .accelerator import Accelerator
from .facts import Link, Price, Source
from .names import Spellings

if TYPE_CHECKING:
    from importlib.abc import ResourceLoader

__all__ = ["CATALOGUE", "accelerator", "names", "packaged"]

_FOLDER: Final = os.path.dirname(__file__)
_FILE: Final = "catalogue.jsonl"
CATALOGUE: Final = os.path.join(_FOLDER, _FILE)
_LINKS: Final = ("link", "host_link", "network")


@functools.cache
def names() -> Mapping[str, Spellings]:
    """Every canonical name, sorted, with all names of its accelerator."""
    return dict(_parsed(b"[%b]" % b",".join(_lines()[::2])))


@functools.cache
def accelerator(name: str) -> Accelerator:
    """The accelerator of this canonical name. Raises KeyError for a name that is none."""
    facts = _parsed(_descriptions()[name])
    links = {key: Link(**facts[key]) for key in _LINKS if facts.get(key)}
    lists = {key: tuple(facts[key]) for key in ("aliases", "pci_ids", "memory_sizes", "gpu_cores") if key in facts}
    prices = tuple(Price(**price) for price in facts.get("prices", ()))
    sources = tuple(Source(**source | {"facts": tuple(source["facts"])}) for source in facts["sources"])
    return Accelerator(**facts | links | lists | {"prices": prices, "sources": sources})


@functools.cache
def _descriptions() -> Mapping[str, bytes]:
    """Canonical name -> the line that says what it is."""
    return dict(zip(names(), _lines()[1::2], strict=True))


def packaged(name: str) -> bytes:
    """A file that lies beside this one."""
    # the package's loader reads from a zip too, and importlib.resources takes longer to import than all this to read
    return cast("ResourceLoader", __spec__.loader).get_data(os.path.join(_FOLDER, name))


@functools.cache
def _lines() -> list[bytes]:
    return packaged(_FILE).splitlines()


def _parsed(text: bytes) -> Any:
    import json  # importing the package reads nothing, and so does not need it

    return json.loads(text)
