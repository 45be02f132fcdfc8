"""The original's functions of memory, under its names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import api
from ..arguments import ModelLike
from ..checks import flag, real, strict
from ..report import BatchReport, MemoryReport


@strict
def estimate_memory(config: Mapping[str, Any], **arguments: Any) -> MemoryReport:
    """`calculate_memory` of a config dict, with the same arguments."""
    return api.calculate_memory(config, **arguments)


class BatchLimit(int):
    """A largest batch: an int, with the report that says what limits it."""

    report: BatchReport

    @property
    def reason(self) -> str:
        return self.report.reason


@strict
def estimate_max_batch_size(
    model_id_or_config: ModelLike,
    gpu_memory_gb: float,
    seq_length: int = 2048,
    precision: str | None = None,
    token: str | None = None,
    respect_weight_tying: bool = True,
    *,
    kv_precision: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    data_parallel: int = 1,
    expert_parallel: int = 1,
) -> BatchLimit:
    """The largest batch on devices of gpu_memory_gb GB each: an int whose `.reason` says what limits it.

    0 when not even one sequence fits. respect_weight_tying False: a head that shares the embedding's table is stored
    beside it.
    """
    size = real("gpu_memory_gb", gpu_memory_gb, most=1e6, unit="GB")
    model = api.load_model(model_id_or_config, token=token)
    report = api.max_batch_size(
        model if flag("respect_weight_tying", respect_weight_tying) else model.with_untied_head(),
        memory_gb=size,
        seq_length=seq_length,
        precision=precision,
        kv_precision=kv_precision,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
    )
    limit = BatchLimit(report.max_batch_size)
    limit.report = report
    return limit
