"""How devices and the host share a model, in the words of rows of local inference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .reading import RefusedRow, Row

BY_LAYERS = frozenset({"llama_cpp", "ik_llama_cpp", "ollama"})
"""Engines that deal whole layers to devices where nothing is said."""
_WHOLE = re.compile(r"all layers(?: \(tp (\d+) pp (\d+)\))?|cpu")
_TOGETHER = re.compile(r"all layers, split mode (\w+)")
_EXPERTS = re.compile(r"(?:exps=|experts on the |experts of (\d+) layers on the |ffn of layers (\d+)-(\d+) on the )CPU")
_FITTED = "partial (fitted by the engine)"
# The mode of a split where a source's path alone has it (exl3-ab/llamacpp/q6k/sm-row/pp2048).
_MODE = re.compile(r"/sm-(layer|row|tensor)/")
_ALL = 1_000_000
# GB/s of all memory channels of a host that a name has beside a card: two of DDR5-5200; eight of DDR5-4800 a socket.
_HOSTS = {"7950X": 83.2, "2x6454S": 614.4}
_HYBRID = re.compile(r"_HYBRID_(\w+)$")
_ONE_SOCKET = "one socket"


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who holds what."""

    layout: Mapping[str, int]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What an engine is told of it."""
    fitted: bool = False
    """Whether the engine itself moved to the host what did not fit."""


def says_what_the_host_has(row: Row) -> bool:
    """Whether a row says which part lies with the host."""
    how = row.text("offload") or ""
    return how == _FITTED or _EXPERTS.fullmatch(how) is not None


def sharing_in(row: Row, engine: str) -> Sharing:
    """What a row says. Raises RefusedRow where it does not say enough."""
    how, devices = row.text("offload") or "all layers", row.whole("devices") or 1
    if shared := _WHOLE.fullmatch(how):
        return _whole(row, engine, shared, devices)
    if together := _TOGETHER.fullmatch(how):
        return Sharing({"tensor_parallel": devices}, {"split_mode": together[1]})
    if how == _FITTED and engine == "llama_cpp":
        return Sharing({"pipeline_parallel": devices}, {"fit": "on"}, fitted=True)
    experts = _EXPERTS.fullmatch(how)
    if experts is not None and engine == "ktransformers":
        return Sharing({"tensor_parallel": devices}, _sockets(row))
    if experts is not None and engine in BY_LAYERS - {"ollama"}:
        alone, first, last = (None if said is None else int(said) for said in experts.groups())
        layers = alone or (_ALL if first is None or last is None else last - first + 1)
        return Sharing({"pipeline_parallel": devices}, {"n_cpu_moe": layers, **_host(row)})
    raise RefusedRow("which part the host has is not stated")


def _whole(row: Row, engine: str, shared: re.Match[str], devices: int) -> Sharing:
    if not shared[1]:
        return Sharing({"pipeline_parallel" if engine in BY_LAYERS else "tensor_parallel": devices})
    tensor, pipeline = int(shared[1]), int(shared[2])
    mode = _MODE.search(row.text("source") or "")
    if engine not in BY_LAYERS or mode is None:
        return Sharing({"tensor_parallel": tensor, "pipeline_parallel": pipeline})
    if mode[1] == "layer":
        return Sharing({"pipeline_parallel": tensor * pipeline})
    return Sharing({"tensor_parallel": tensor, "pipeline_parallel": pipeline}, {"split_mode": mode[1]})


def _host(row: Row) -> dict[str, float]:
    """The bandwidth of the memory of a host that is named; as is usual where none is. Raises RefusedRow."""
    named = _HYBRID.search(row.text("hardware_name") or "")
    if named is None:
        return {}
    if named[1] not in _HOSTS:
        raise RefusedRow(f"bandwidth of the host's memory not known: {named[1]}")
    return {"host_bandwidth_gb_s": _HOSTS[named[1]]}


def _sockets(row: Row) -> dict[str, float]:
    """The processors that hold the experts: two of them once each, but where one is said."""
    host = _host(row)
    if "host_bandwidth_gb_s" not in host:
        return {}
    if _ONE_SOCKET in (row.text("note") or ""):
        return {"sockets": 1, "host_bandwidth_gb_s": host["host_bandwidth_gb_s"] / 2}
    return {"sockets": 2, **host}
