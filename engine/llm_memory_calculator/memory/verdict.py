"""Whether devices hold what they must: the one judge, whose yardstick is the engine's budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..units import GB
from .ledger import held_tokens

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..engines import Engine
    from ..units import Quantity
    from .ledger import Ledger


@dataclass(slots=True)
class Verdict:
    """What the fullest device must hold beside what its engine may use of it.

    Not frozen: many are made in a search, and a frozen one takes three times as long to make.
    """

    need_bytes: Quantity
    usable_bytes: Quantity
    """What the runtime sees of one device."""
    budget_bytes: Quantity
    """What the engine may use of that."""

    @property
    def margin_bytes(self) -> Quantity:
        """What is left, or how much is missing where it is negative."""
        return self.budget_bytes - self.need_bytes

    @property
    def fits(self) -> Any:
        """Whether it fits, True or False; an array of them where a number is an array."""
        return holds(self.need_bytes, self.budget_bytes)

    @property
    def used_share(self) -> Quantity:
        """The need over what the runtime sees, 0 to 1 and more."""
        return self.need_bytes / self.usable_bytes


def holds(need_bytes: Quantity, budget_bytes: Quantity) -> Any:
    """Whether a device holds what it must; True or False, or an array of them."""
    return need_bytes <= budget_bytes


def judge(need_bytes: Quantity, usable_bytes: Quantity, engine: Engine) -> Verdict:
    """Whether a device of which the runtime sees `usable_bytes` holds `need_bytes` under this engine; by how much."""
    return Verdict(need_bytes, usable_bytes, engine.budget_bytes(usable_bytes))


def shortage(deployment: Deployment, load: Load, need: Ledger, verdict: Verdict) -> str:
    """The sentence that says what is missing and what would mend it. For plain numbers only."""
    tokens = held_tokens(deployment, load)
    return (
        f"{deployment.model.name} with {deployment.formats.scheme.label} weights, batch "
        f"{load.sequences * load.beams:,} x {tokens:,} tokens, needs {verdict.need_bytes / GB:.1f} GB on {need.where} "
        f"({need.weights / GB:.1f} weights, {need.kv_cache / GB:.1f} KV cache), and {deployment.device} offers "
        f"{verdict.budget_bytes / GB:.1f} GB with {deployment.layout.devices} device(s) as {deployment.layout}; use "
        "more devices, a larger one, a smaller precision or a smaller batch."
    )
