"""Medians of what a caller waits for: the import, one memory answer, one with an engine's ledger on a device, one
end-to-end estimate, one layout search.

Run `python benchmarks/answers.py` with the package installed. The original takes 2,150 ms, 0.02 ms, 181 ms and 503 ms.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

MODEL = "meta-llama/Llama-3.1-70B"


def import_ms() -> float:
    """A fresh interpreter's `import llm_memory_calculator`, less the interpreter itself."""

    def spawn(code: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (time.perf_counter() - begin) * 1e3

    pairs = [(spawn("import llm_memory_calculator"), spawn("pass")) for _ in range(11)]
    return statistics.median(with_import - bare for with_import, bare in pairs)


def median_ms(call: Callable[[], object], runs: int) -> float:
    call()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times)


def main() -> None:
    imported = import_ms()
    from llm_memory_calculator import best_parallelism, calculate_memory, estimate_end_to_end_performance

    rows = [
        ("import", imported, 2150.0),
        ("memory answer", median_ms(lambda: calculate_memory(MODEL, tensor_parallel=4), 500), 0.02),
        (
            "memory with a ledger",
            median_ms(lambda: calculate_memory(MODEL, hardware="H100", tensor_parallel=4, seq_length=8192), 500),
            0.02,
        ),
        (
            "end-to-end estimate",
            median_ms(
                lambda: estimate_end_to_end_performance(MODEL, batch_size=8, system_name="H100", tensor_parallel=4), 300
            ),
            181.0,
        ),
        (
            "best layout of 8 devices",
            median_ms(lambda: best_parallelism(MODEL, "H100", devices=8, batch_size=16), 50),
            503.0,
        ),
    ]
    print(f"{'':<26}{'ms':>10}{'original':>12}{'ratio':>10}")
    for name, milliseconds, original in rows:
        print(f"{name:<26}{milliseconds:>10.3f}{original:>12.2f}{original / milliseconds:>10.1f}")


if __name__ == "__main__":
    main()
