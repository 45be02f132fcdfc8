"""Which other calculators a folder of virtual environments has, and what they take."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .questions import PEERS

_QUESTIONS = Path(__file__).with_name("questions.py")
_PATIENCE_S = 900


def peers(folder: Path) -> Iterator[str]:
    """A line of each: milliseconds of the processor for an estimate and for a search of Llama-3.1-70B on 8 H200."""
    for name in PEERS:
        python = folder / name / "bin" / "python"
        if not python.exists():
            yield f"{name}: not there (python -m venv {folder / name} && {python} -m pip install {name})"
            continue
        try:
            version = _run(python, "-c", f"from importlib.metadata import version; print(version({name!r}))")
            took = json.loads(_run(python, str(_QUESTIONS), name).splitlines()[-1])
        except subprocess.CalledProcessError as error:
            yield f"{name}: does not run ({error.stderr.strip().splitlines()[-1]})"
        except subprocess.TimeoutExpired:
            yield f"{name}: no answer within {_PATIENCE_S} s"
        else:
            yield f"{name} {version}".ljust(58) + f"{took['estimate']:>10.1f}{took['search']:>10.1f}"


def _run(python: Path, *arguments: str) -> str:
    """What it prints."""
    command = [python, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True).stdout.strip()
