"""What a device must hold: the ledger, the verdict on it, and what stands in it beside weights and cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ledger import Ledger, serving_ledger
from .making import making_ledger
from .verdict import Verdict, judge, limit_notes, short_note, shortage

if TYPE_CHECKING:
    from ..deployment import Deployment, Load

__all__ = ["Ledger", "Verdict", "judge", "ledger", "limit_notes", "short_note", "shortage", "verdict_of"]


def ledger(deployment: Deployment, load: Load) -> Ledger:
    """Bytes on the device that stores most."""
    makes_images = deployment.architecture.task == "diffusion"
    return making_ledger(deployment, load) if makes_images else serving_ledger(deployment, load)


def verdict_of(deployment: Deployment, load: Load) -> Verdict:
    """Whether the fullest device holds its share; a device must have been named."""
    assert deployment.usable_bytes is not None
    return judge(deployment, load, ledger(deployment, load), deployment.usable_bytes)
