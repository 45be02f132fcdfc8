"""What a device must hold: the ledger, the verdict on it, and what stands in it beside weights and cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ledger import Ledger, serving_ledger
from .making import making_ledger
from .verdict import Verdict, holds, judge, shortage

if TYPE_CHECKING:
    from ..deployment import Deployment, Load

__all__ = ["Ledger", "Verdict", "holds", "judge", "ledger", "shortage"]


def ledger(deployment: Deployment, load: Load) -> Ledger:
    """Bytes on the device that stores most."""
    makes_images = deployment.architecture.task == "diffusion"
    return making_ledger(deployment, load) if makes_images else serving_ledger(deployment, load)
