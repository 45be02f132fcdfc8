"""How long another calculator takes for an estimate and for a search: run by its own Python, answers as JSON.

Nothing here may import what its environment has not.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

# 8 x H200 of bf16, as the other rows of the table: TFLOP/s, GB, GB/s, GB/s of a link in each direction
_H200 = {"Flops": 989, "Memory_size": 141, "Memory_BW": 4800, "ICN": 450, "real_values": True}

Ask = Callable[[int], object]


def genz() -> tuple[Ask, Ask]:
    from GenZ.LLM_inference import decode_moddeling, get_best_parallization_strategy, prefill_moddeling

    asked: dict[str, Any] = {"model": "meta-llama/Llama-3.1-70B", "batch_size": 16, "system_name": _H200}

    def estimate(tokens: int) -> object:
        prefill_moddeling(**asked, input_tokens=tokens, tensor_parallel=8)
        return decode_moddeling(**asked, input_tokens=tokens, output_tokens=256, tensor_parallel=8)

    def search(tokens: int) -> object:
        return get_best_parallization_strategy("decode", **asked, total_nodes=8, input_tokens=tokens, output_tokens=256)

    return estimate, search


def aiconfigurator() -> tuple[Ask, Ask]:
    from aiconfigurator.cli.api import cli_default, cli_estimate

    asked: dict[str, Any] = {"model_path": "meta-llama/Meta-Llama-3.1-70B", "osl": 256}

    def estimate(tokens: int) -> object:
        of_batch = {"mode": "static", "batch_size": 16, "tp_size": 8}
        return cli_estimate(**asked, **of_batch, isl=tokens, system_name="h200_sxm", backend_name="vllm")

    def search(tokens: int) -> object:
        return cli_default(**asked, isl=tokens, system="h200_sxm", total_gpus=8, backend="vllm")

    return estimate, search


PEERS = {"genz-llm": genz, "aiconfigurator": aiconfigurator}


def milliseconds(ask: Ask, runs: int) -> float:
    """Of the processor, the median of questions after the first, each with a new length."""
    ask(2000)
    found = []
    for run in range(runs):
        begin = time.process_time()
        ask(2001 + run)
        found.append((time.process_time() - begin) * 1e3)
    return statistics.median(found)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        estimate, search = PEERS[sys.argv[1]]()
        found = {"estimate": milliseconds(estimate, 3), "search": milliseconds(search, 1)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
