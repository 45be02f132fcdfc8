"""A known environment for every test, whatever the one outside says.

It is made when this file is read, before a test module is imported: huggingface_hub, typer and others copy variables
into constants at import. A variable that a test wants it sets itself, by monkeypatch, which takes it back.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

_KEPT = frozenset({"PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
_KEPT_PREFIXES = ("PYTEST_", "COV_", "COVERAGE_")
_scratch = tempfile.TemporaryDirectory(prefix="llm-memory-calculator-tests-")
_home = Path(_scratch.name, "home")
_work = Path(_scratch.name, "work")


def _enter_known_environment() -> None:
    """Keep what finds programs and steers the test run; say all else."""
    for name in list(os.environ):
        if name.upper() not in _KEPT and not name.startswith(_KEPT_PREFIXES):
            del os.environ[name]
    for folder in (_home, _work):
        folder.mkdir()
    os.environ |= {
        "HOME": str(_home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        # nothing listens there, so a test that forgets its hub fails at once and sends nothing
        "HF_ENDPOINT": "http://127.0.0.1:9",
        # a process that a test starts imports what the test does
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
    }
    if hasattr(time, "tzset"):
        time.tzset()


_enter_known_environment()
# What is remembered of a thousand models stays, and looking through it for garbage again and again costs seconds.
gc.set_threshold(100_000, 20, 100)
# The same few examples in every run, none from an earlier one; `--hypothesis-profile long` searches at random and far.
settings.register_profile("known", derandomize=True, database=None, deadline=None, max_examples=25)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile("known")


def pytest_unconfigure() -> None:
    _scratch.cleanup()


@pytest.fixture(autouse=True)
def _working_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A model's name is looked for on disk first: nothing lies where a test runs, and a test leaves nothing there."""
    monkeypatch.chdir(_work)
    yield
    assert os.listdir(_work) == []
