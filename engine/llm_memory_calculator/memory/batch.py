"""Answers about how many sequences devices hold, how long, and how many tokens of cache."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ..arguments import BATCH, CONTEXT, MOST_SEQUENCES, MOST_TOKENS, TOKENS
from ..engines.launch import told_length
from ..errors import ArgumentError
from ..report import BatchReport, Interval, Note, Share
from ..units import GB
from . import ledger, verdict_of
from .caches import cache_notes
from .explanation import explanation
from .inverse import kv_tokens_in, long, longest_context, most_sequences, require_context, shown_tokens
from .remedies import remedies
from .reports import length_notes
from .startup import LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_memory_hardware import Accelerator

    from ..deployment import Deployment, Load
    from .inverse import Longest


ENDS: tuple[Literal["low", "high"], ...] = ("low", "high")


def batch_report(
    deployment: Deployment,
    load: Load,
    *,
    find: str = BATCH,
    most: int = MOST_SEQUENCES,
    accelerators: Iterable[Accelerator] = (),
    explained: bool = False,
) -> BatchReport:
    """The most sequences like those of `load` that the devices hold, up to `most`.

    find: context for the longest context of `load.sequences` of them, at which the rest of the report is; tokens for
    the tokens of cache that there is room for. accelerators: those that may be named where none fits. explained: with
    its ledger's tree.
    """
    layout = deployment.layout
    looked_for: dict[str, Any] = {}
    notes: list[Note] = []
    context = None
    if find == CONTEXT:
        context = longest_context(deployment, load)
        low, high = (longest_context(deployment, load, end=end).tokens for end in ENDS)
        looked_for = {
            "longest_context": context.tokens,
            "longest_context_interval": _ranged(deployment, load, low, high),
            "batch_size": load.sequences,
        }
        notes += _length_cap(deployment, context)
        batch = load = long(load, max(context.tokens, shown_tokens(load) + 1))
    elif find == TOKENS:
        looked_for = {"kv_tokens": _kv_tokens(deployment, load)}
    held, *ends = (most_sequences(deployment, load, most, end=end) for end in (None, *ENDS))
    largest = held
    if find == BATCH:
        largest, *ends = (_encoded_at_once(deployment, load, each) for each in (held, *ends))
    if context is not None:
        reason = _context_reason(deployment, batch, context)
    elif largest < held:
        reason = _pass_reason(deployment, load, largest)
    else:
        reason = _batch_reason(deployment, load, largest, most)
        notes += _waiting(deployment, largest)
    # what none fits is shown of one sequence a copy, and a context of the sequences that it is of
    shown = replace(load, sequences=max(largest if context is None else load.sequences, layout.data))
    verdict = verdict_of(deployment, shown)
    used = verdict.need
    return BatchReport(
        **deployment.said(),
        **layout.said(),
        **used.said(),
        hardware=deployment.device,
        max_batch_size=largest,
        max_batch_interval=_ranged(deployment, shown, *ends),
        max_length=deployment.architecture.max_length,
        remedies=() if largest else remedies(deployment, shown, verdict, accelerators),
        reason=reason,
        seq_length=load.tokens,
        mix=tuple(Share(tokens=tokens, share=share) for tokens, share in load.mix),
        **looked_for,
        device_budget_bytes=verdict.budget_bytes,
        kv_cache_bytes_per_sequence=ledger(deployment, replace(load, sequences=layout.data, mix=())).kv_cache,
        ledger=explanation(deployment, shown, used) if explained else None,
        notes=(
            *deployment.notes,
            *load.notes,
            *notes,
            *length_notes(deployment, load.tokens),
            *cache_notes(deployment.architecture, deployment.formats, deployment.engine),
            *deployment.apart,
        ),
    )


def _ranged(deployment: Deployment, load: Load, low: int, high: int) -> Interval:
    spread = verdict_of(deployment, load).spread
    return Interval(low=low, high=high, level=LEVEL, evidence=spread.evidence)


def _kv_tokens(deployment: Deployment, load: Load) -> int:
    require_context(deployment)
    told = told_length(deployment.engine) if deployment.engine.PAGED else None
    # it prints them for the longest request that it is started for, whatever those served are
    tokens = kv_tokens_in(deployment, load if told is None else long(load, told))
    if tokens is None:
        raise ArgumentError(
            f"{deployment.model.name} keeps no KV cache on the device; ask for find 'batch' or 'context'."
        )
    return int(tokens)


def _batch_reason(deployment: Deployment, load: Load, largest: int, most: int) -> str:
    copies = deployment.layout.data
    if largest == 0:
        if deployment.architecture.task == "diffusion":
            return _refused(deployment, replace(load, sequences=copies), "One prompt", "smaller images")
        longest, one = replace(load, sequences=copies, mix=()), f"One sequence of {load.tokens:,} tokens"
        return _refused(deployment, longest, one, "a shorter seq_length")
    if largest == most:
        return f"The search stops at {most:,} sequences."
    budget = verdict_of(deployment, replace(load, sequences=largest)).budget_bytes
    return f"One more sequence on each copy would exceed the {budget / GB:.1f} GB that {deployment.device} offers."


def _encoded_at_once(deployment: Deployment, load: Load, held: int) -> int:
    """Sequences of those held that a step of each copy takes of an encoder, which keeps nothing of the others: these
    wait in a queue that no memory of the device limits. Of any other model all."""
    if deployment.architecture.task != "encoder":
        return held
    engine = deployment.engine
    running = engine.settings.get(engine.SEQUENCES) if engine.SEQUENCES else None
    each = max(1, engine.step_tokens // load.tokens)
    at_once: int = deployment.layout.data * (min(each, int(running)) if running else each)
    return min(held, at_once)


def _pass_reason(deployment: Deployment, load: Load, largest: int) -> str:
    engine = deployment.engine
    return (
        f"{engine.TITLE} computes at most {engine.step_tokens:,} tokens in a step, {largest:,} whole "
        f"sequence{'s' if largest > 1 else ''} of {load.tokens:,} over all copies; more wait their turn and hold no "
        "memory of the device."
    )


def _context_reason(deployment: Deployment, load: Load, context: Longest) -> str:
    """Why the context is no longer; `load` is at it, or at the shortest where none fits."""
    if context.tokens == 0:
        least = f"A batch of {load.sequences:,} x {load.tokens:,} tokens"
        return _refused(deployment, load, least, "fewer sequences")
    if context.tokens == MOST_TOKENS:
        return f"The search stops at {MOST_TOKENS:,} tokens."
    if context.tokens < context.held:
        return "The engine was told to take no more." if _told(deployment) else "The model's config allows no more."
    beyond = verdict_of(deployment, long(load, load.tokens + 1)).binding
    return (
        f"One more token in each of {load.sequences:,} would exceed what {deployment.device} offers ({beyond.name}, "
        f"{-beyond.margin / GB:.2f} GB short)."
    )


def _refused(deployment: Deployment, load: Load, what: str, less: str) -> str:
    verdict = verdict_of(deployment, load)
    need, usable = verdict.need, verdict.total_bytes
    return (
        f"{what} needs {need.total / GB:.1f} GB a device ({need.weights / GB:.1f} of weights), and "
        f"{deployment.device} offers {verdict.budget_bytes / GB:.1f} GB of {usable / GB:.1f} ({verdict.binding.name}); "
        f"use more devices, a larger one, a smaller precision or {less}."
    )


def _length_cap(deployment: Deployment, context: Longest) -> list[Note]:
    """That memory would hold more than is allowed."""
    if context.tokens == context.held:
        return []
    whose = f"the engine was told {deployment.engine.LENGTH}" if _told(deployment) else "the model's config allows"
    text = f"Memory would hold {context.held:,} tokens; {whose} {context.allowed:,}, where the answer stops."
    return [Note(subject="longest_context", text=text, origin="assumption")]


def _told(deployment: Deployment) -> bool:
    return deployment.engine.LENGTH in deployment.engine.given


def _waiting(deployment: Deployment, largest: int) -> list[Note]:
    """That an engine runs fewer at once than it holds."""
    engine, each = deployment.engine, largest // deployment.layout.data
    running = engine.settings.get(engine.SEQUENCES) if engine.SEQUENCES else None
    if not running or each <= int(running):
        return []
    text = (
        f"{engine.name} runs at most {engine.SEQUENCES} {running:,} sequences of a copy in a step, and the rest wait; "
        f"set {engine.SEQUENCES} to {each}, for which it may reserve more, to run as many."
    )
    return [Note(subject="max_batch_size", text=text, origin="warning")]
