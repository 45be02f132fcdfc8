"""Which layouts a number of devices can take, which of them hold the model, and which is best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .architecture import Architecture
from .errors import DoesNotFitError
from .memory.ledger import Load, ledger, length_notes
from .parallel import Parallelism, most_stages, problem, tensor_sizes
from .performance.estimate import Deployment, decode_time, interval, prefill_time
from .report import UTILIZATION, Interval, LayoutReport, LayoutRow
from .units import GB, ceil_div

GOALS = ("throughput", "latency", "decode", "prefill")
_SCORES: dict[str, Callable[[LayoutRow, int], tuple[float, float]]] = {
    "throughput": lambda row, share: (-row.output_tokens_per_s / share, row.tpot_ms),
    "latency": lambda row, _: (row.tpot_ms, row.ttft_ms),
    "decode": lambda row, share: (-row.decode_tokens_per_s / share, row.tpot_ms),
    "prefill": lambda row, share: (-row.prefill_tokens_per_s / share, row.ttft_ms),
}


def score(row: LayoutRow, goal: str, by_device: bool = False) -> tuple[float, float]:
    """What orders layouts by a goal, smaller is better; tokens a second of all devices, or of each of them."""
    return _SCORES[goal](row, row.devices if by_device else 1)


def layouts(architecture: Architecture, devices: int, node: int, batch: int) -> Iterator[Parallelism]:
    """Layouts of up to `devices` devices: tensor groups within a node of `node`, whole copies with what remains.

    Devices that no whole copy can use stay idle; copies beyond the batch are not made. For each split of a copy only
    the most copies are considered, since fewer never serve more.
    """
    mixture = any(operator.expert_count > 0 for layer in architecture.stack for operator in layer.operators)
    for tensor in tensor_sizes(architecture, min(devices, node)):
        for pipeline in range(1, min(devices // tensor, most_stages(architecture)) + 1):
            data = min(devices // (tensor * pipeline), batch)
            plain = Parallelism(tensor=tensor, pipeline=pipeline, data=data)
            yield plain
            split = replace(plain, expert=tensor)
            if mixture and tensor > 1 and not problem(architecture, split):
                yield split


def fitting_share(deployment: Deployment, sequences: int, tokens: int) -> float:
    """Use of the fullest device's memory over what the runtime sees of it."""
    load = Load(sequences=sequences, tokens=tokens)
    need = ledger(deployment.architecture, deployment.formats, deployment.layout, load)
    return need.total / deployment.machine.accelerator.usable_memory_bytes


def layout_of(row: LayoutRow) -> Parallelism:
    return Parallelism(
        tensor=row.tensor_parallel,
        pipeline=row.pipeline_parallel,
        data=row.data_parallel,
        expert=row.expert_parallel,
    )


def row_of(
    deployment: Deployment, batch: int, input_tokens: int, output_tokens: int, share: float
) -> tuple[LayoutRow, Interval]:
    """The row of a layout, and the range of its time per output token."""
    layout = deployment.layout
    ttft = prefill_time(deployment, batch, input_tokens).total
    decode = decode_time(deployment, batch, input_tokens, max(1, output_tokens - 1))
    tpot = decode.total
    row = LayoutRow(
        tensor_parallel=layout.tensor,
        pipeline_parallel=layout.pipeline,
        data_parallel=layout.data,
        expert_parallel=layout.expert,
        devices=layout.devices,
        micro_batch=ceil_div(ceil_div(batch, layout.data), layout.pipeline),
        ttft_ms=ttft * 1e3,
        tpot_ms=tpot * 1e3,
        output_tokens_per_s=batch * output_tokens / (ttft + tpot * (output_tokens - 1)),
        decode_tokens_per_s=batch / tpot,
        prefill_tokens_per_s=batch * input_tokens / ttft,
        memory_share=share,
    )
    return row, interval(deployment, "decode", decode)


def best_layout(
    deployment: Deployment,
    devices: int,
    *,
    batch: int,
    input_tokens: int,
    output_tokens: int,
    goal: str,
    keep: int = 4,
    advise: bool = True,
) -> LayoutReport:
    """The best layout of up to `devices` devices for `goal`.

    Raises DoesNotFitError, with what the best split would need, when no layout holds the model, and with how many
    devices would do where `advise` says so: looking for them takes longer than all the rest.
    """
    deployment.require_decoder()
    accelerator = deployment.machine.accelerator
    tokens = input_tokens + output_tokens
    considered, rows, least = 0, [], (float("inf"), "")
    for layout in layouts(deployment.architecture, devices, accelerator.link_domain, batch):
        considered += 1
        candidate = replace(deployment, layout=layout)
        share = fitting_share(candidate, batch, tokens)
        least = min(least, (share, str(layout)))
        if share <= UTILIZATION:
            rows.append(row_of(candidate, batch, input_tokens, output_tokens, share))
    if not rows:
        needed = least[0] * accelerator.usable_memory_bytes / GB
        budget = UTILIZATION * accelerator.usable_memory_bytes / GB
        raise DoesNotFitError(
            f"{deployment.model} with {deployment.formats.scheme.label} weights, batch {batch:,} x {tokens:,} tokens, "
            f"fits on no layout of {devices} x {accelerator.name}: the best split ({least[1]}) needs {needed:.1f} GB "
            f"a device, and {budget:.1f} GB are there."
            + (f" {_remedy(deployment, batch, tokens, devices)}" if advise else "")
        )
    rows.sort(key=lambda entry: score(entry[0], goal))
    best, spread = rows[0]
    return LayoutReport(
        model=deployment.model,
        hardware=accelerator.name,
        devices=devices,
        goal=goal,
        batch_size=batch,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=deployment.formats.scheme.label,
        kv_precision=deployment.formats.kv_cache.name,
        best=best,
        tpot_interval_ms=spread,
        others=tuple(row for row, _ in rows[1:keep]),
        considered=considered,
        fitting=len(rows),
        notes=(*deployment.notes, *length_notes(deployment.architecture, tokens, "output_tokens")),
    )


def _remedy(deployment: Deployment, batch: int, tokens: int, devices: int) -> str:
    enough = fewest_devices(deployment, batch, tokens, most=max(64, 8 * devices))
    if enough is None:
        return "Use a larger accelerator, a smaller precision, a smaller batch or shorter sequences."
    return f"{enough} devices would do; or use a smaller precision, a smaller batch or shorter sequences."


def fewest_devices(deployment: Deployment, batch: int, tokens: int, *, most: int) -> int | None:
    """The smallest number of devices, up to `most`, of which some layout holds the model; None when none does.

    Splitting a copy further never needs more on a device, so devices are tried in growing number by their splits.
    """
    node = deployment.machine.accelerator.link_domain
    tensors = tensor_sizes(deployment.architecture, min(node, most))
    splits = sorted(
        {
            (tensor * pipeline, -tensor)
            for tensor in tensors
            for pipeline in range(1, min(most // tensor, deployment.architecture.depth) + 1)
        }
    )
    for used, tensor in splits:
        layout = Parallelism(tensor=-tensor, pipeline=used // -tensor)
        candidate = replace(deployment, layout=layout)
        if fitting_share(candidate, batch, tokens) <= UTILIZATION:
            return used
    return None


def fewest_tensor_parallel(deployment: Deployment, batch: int, tokens: int) -> tuple[int, float] | None:
    """The smallest tensor-parallel group of one node that holds the model, and its share of a device's memory."""
    for tensor in tensor_sizes(deployment.architecture, deployment.machine.accelerator.link_domain):
        share = fitting_share(replace(deployment, layout=Parallelism(tensor=tensor)), batch, tokens)
        if share <= UTILIZATION:
            return tensor, share
    return None
