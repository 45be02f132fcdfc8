"""What this machine has: asked of the vendors' tools and the system's files, and matched to the catalogue.

A tool that is missing is no fault, and one that fails or hangs costs its time limit and a sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .catalogue import current
from .errors import InvalidHardwareError, shown
from .matching import DeviceMatch, match_device

__all__ = ["LocalDevice", "LocalHardware", "local_hardware"]

PROC: Path = Path("/proc")
TIMEOUT_S: Final = 10.0

_NVIDIA_FIELDS: Final = "name,memory.total,pci.device_id,mig.mode.current"
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_MIB: Final = 2**20
_MOST_OUTPUT: Final = 1_000_000  # characters: a thousand devices need less
_SIZES: Final = {"kb": 2**10, "mb": _MIB, "mib": _MIB, "gb": 2**30, "gib": 2**30}  # amd-smi writes MB for MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDevice:
    """Devices of one kind that were found."""

    found_by: str
    """The tool or file that reported them."""
    name: str
    """The name as it was reported."""
    count: int
    """How many of them; of a processor, its sockets."""
    memory_bytes: int | None
    """Bytes of memory of one device as reported, of a processor the host's; None where it was not."""
    pci_id: str | None
    """``vendor:device``; None where it was not reported."""
    match: DeviceMatch
    """The entry of the catalogue, how sure that is, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalHardware:
    """What was found, and what went wrong while looking."""

    devices: tuple[LocalDevice, ...]
    """Accelerators first, processors last; empty where nothing was found."""
    problems: tuple[str, ...]
    """A sentence for each tool that failed, hung or was not understood."""


@dataclass(frozen=True, slots=True)
class _Reported:
    found_by: str
    name: str
    memory_bytes: int | None = None
    pci_id: str | None = None


@dataclass(slots=True)
class _Search:
    """One look at the machine."""

    timeout_s: float
    problems: list[str] = field(default_factory=list)

    def run(self, tool: str, *arguments: str) -> str | None:
        """What a tool prints; None when it is not there or did not answer.

        What it printed before it failed is kept: seven cards answer where the eighth is lost.
        """
        path = shutil.which(tool)
        if path is None:
            return None
        try:
            process = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            self.problems.append(f"{tool} could not be started: {error}.")
            return None
        with process:
            try:
                out, err = process.communicate(timeout=self.timeout_s)
            except subprocess.TimeoutExpired:
                _end(process)
                self.problems.append(f"{tool} did not answer in {self.timeout_s:g} s.")
                return None
        out, err = out[:_MOST_OUTPUT], err[:_MOST_OUTPUT]
        if process.returncode:
            lines = [line.strip() for line in (err + "\n" + out).splitlines() if line.strip()]
            said = next((line for line in lines if line.count(",") < _NVIDIA_FIELDS.count(",")), "no message")
            self.problems.append(f"{tool} failed with exit code {process.returncode}: {said[:200]}")
        return out

    def json(self, tool: str, *arguments: str) -> Any:
        """The JSON that a tool prints; None as in ``run``, or when it is none."""
        before = len(self.problems)
        out = self.run(tool, *arguments)
        if out is None or (len(self.problems) > before and "{" not in out):
            return None
        # rocm-smi prints warnings before it
        start = min((at for at in (out.find("{"), out.find("[")) if at >= 0), default=-1)
        try:
            return json.loads(out[start:]) if start >= 0 else self._unclear(tool, out)
        except (ValueError, RecursionError):
            return self._unclear(tool, out)

    def _unclear(self, tool: str, out: str) -> None:
        self.problems.append(f"{tool} printed what is not understood: {out.strip()[:80]!r}.")


def local_hardware(timeout_s: float = TIMEOUT_S) -> LocalHardware:
    """The accelerators and processors of this machine, each with the entry of the catalogue that it is.

    Asks nvidia-smi, rocm-smi or amd-smi, the system's files and Apple's sysctl; each tool has ``timeout_s`` seconds.
    Nothing is raised for what is missing or broken: ``problems`` says it.
    """
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s <= 3600:
        raise InvalidHardwareError(f"timeout_s is {shown(timeout_s)}; accepted is a number of seconds up to 3600.")
    search = _Search(float(timeout_s))
    looks: tuple[Callable[[_Search], Iterator[_Reported]], ...] = (_nvidia, _amd, _jetson, _processors, _apple)
    found = Counter(device for look in looks for device in look(search))
    devices = tuple(_matched(device, count) for device, count in found.items())
    return LocalHardware(devices=devices, problems=tuple(dict.fromkeys(search.problems)))


def _matched(device: _Reported, count: int) -> LocalDevice:
    info = {"name": device.name, "pci_id": device.pci_id, "memory_bytes": device.memory_bytes}
    return LocalDevice(
        found_by=device.found_by,
        name=device.name,
        count=count,
        memory_bytes=device.memory_bytes,
        pci_id=device.pci_id,
        match=match_device({key: value for key, value in info.items() if value is not None}),
    )


def _nvidia(search: _Search) -> Iterator[_Reported]:
    out = search.run("nvidia-smi", f"--query-gpu={_NVIDIA_FIELDS}", "--format=csv,noheader,nounits")
    for line in (out or "").splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 4 or not cells[0] or cells[0].startswith("["):
            if line.strip():
                search.problems.append(f"nvidia-smi: {line.strip()[:200]}")
            continue
        name, memory, device, mig = cells
        if name.endswith("(nvgpu)"):
            # a Jetson's own, which the device tree names better
            continue
        if mig == "Enabled":
            search.problems.append(
                f"{name} is cut into MIG slices; the figures are the whole device's, and a process sees a slice."
            )
        yield _Reported("nvidia-smi", name, _whole(memory, _MIB), _nvidia_pci(device))


def _nvidia_pci(text: str) -> str | None:
    """``0x233010DE`` is device 2330 of vendor 10de."""
    found = re.fullmatch(r"0x([0-9a-fA-F]{4})([0-9a-fA-F]{4})", text)
    return f"{found[2]}:{found[1]}".lower() if found else None


def _amd(search: _Search) -> Iterator[_Reported]:
    # amd-smi is the newer; both name the same devices
    if shutil.which("amd-smi") is not None:
        found = list(_amd_smi(search))
        if found:
            yield from found
            return
    yield from _rocm_smi(search)


def _amd_smi(search: _Search) -> Iterator[_Reported]:
    content = search.json("amd-smi", "static", "--asic", "--vram", "--json")
    cards = content.get("gpu_data") if isinstance(content, dict) else content
    for card in cards if isinstance(cards, list) else ():
        asic = _table(card, "asic")
        size = _table(_table(card, "vram"), "size")
        if isinstance(asic.get("market_name"), str) and asic["market_name"].strip():
            yield _Reported(
                "amd-smi",
                asic["market_name"],
                _whole(str(size.get("value", "")), _SIZES.get(str(size.get("unit", "MB")).lower(), _MIB)),
                _pci(asic.get("vendor_id"), asic.get("device_id")),
            )


def _rocm_smi(search: _Search) -> Iterator[_Reported]:
    content = search.json("rocm-smi", "--showproductname", "--showid", "--showmeminfo", "vram", "--json")
    for name, card in content.items() if isinstance(content, dict) else ():
        if not name.startswith("card") or not isinstance(card, dict):
            continue
        series = card.get("Card Series") or card.get("Card series") or card.get("Device Name")
        if isinstance(series, str) and series.strip():
            yield _Reported(
                "rocm-smi",
                series,
                _whole(str(card.get("VRAM Total Memory (B)", "")), 1),
                _pci("1002", card.get("Device ID") or card.get("GPU ID")),
            )


def _jetson(_: _Search) -> Iterator[_Reported]:
    model = (_read(PROC / "device-tree" / "model") or "").strip("\0 \n")
    if "Jetson" in model:
        yield _Reported("device tree", re.sub(r"\s*(?:Developer Kit|Engineering.*)$", "", model), _host_memory())


def _processors(_: _Search) -> Iterator[_Reported]:
    text = _read(PROC / "cpuinfo")
    if text is None:
        return
    sockets: dict[str, str] = {}
    for block in text.split("\n\n"):
        fields = dict(_pairs(block))
        name = fields.get("model name")
        if name:
            sockets.setdefault(fields.get("physical id", "0"), name)
    for name in sockets.values():
        yield _Reported("/proc/cpuinfo", name, _host_memory())


def _apple(search: _Search) -> Iterator[_Reported]:
    if (PROC / "cpuinfo").exists():
        return
    name = (search.run("sysctl", "-n", "machdep.cpu.brand_string") or "").strip()
    if name:
        memory = _whole((search.run("sysctl", "-n", "hw.memsize") or "").strip(), 1)
        yield _Reported("sysctl", _with_cores(search, name), memory)


def _with_cores(search: _Search, name: str) -> str:
    """The name with its GPU cores where the catalogue knows that variant: an M3 Max of 30 cores has less bandwidth."""
    content = search.json("system_profiler", "SPDisplaysDataType", "-json")
    displays = content.get("SPDisplaysDataType") if isinstance(content, dict) else None
    for display in displays if isinstance(displays, list) else ():
        cores = display.get("sppci_cores") if isinstance(display, dict) else None
        variant = f"{name} {cores} core"
        if cores is not None and current().has(variant):
            return variant
    return name


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _host_memory() -> int | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _read(PROC / "meminfo") or "", re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _table(value: object, key: str) -> dict[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _whole(text: str, unit: int) -> int | None:
    return int(float(text) * unit) if _NUMBER.fullmatch(text) and float(text) > 0 else None


def _pci(vendor: object, device: object) -> str | None:
    found = [re.fullmatch(r"(?:0x)?([0-9a-fA-F]{4})", str(part)) for part in (vendor, device)]
    return f"{found[0][1]}:{found[1][1]}".lower() if found[0] and found[1] else None


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a tool and what it started, which may hold its output open."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
