"""What the hardware catalogue takes: medians of processor time, each in fresh interpreters and without the import.

Run `python benchmarks/hardware.py` with the package installed. Aims: 4 ms for the first answer, 0.5 ms for one after
it, 60 ms for all.

Measured on 28 November 2026 with 249 entries, Python 3.11, on a slow and shared core: the first answer 2.4 to 3.8 ms by
any name, instance type, count or size, of which importing json is 1.5 to 3.4; one after it 0.3 to 0.5 ms, and 0.03 ms
when it was asked for before; all 20 to 31 ms, and all in the original's keys 23 to 39 ms. Reading the TOMLs by tomllib
would take 150 to 260 ms.
"""

import statistics
import subprocess
import sys

RUNS = 9
QUESTIONS = {
    "importing json, for the first answer": ("", "import json"),
    "one by its canonical name": ("", "get_accelerator('H100_SXM')"),
    "one by another name": ("", "get_accelerator('NVIDIA H100 80GB HBM3')"),
    "one by a name without its number": ("", "get_accelerator('Trillium')"),
    "a cloud instance type": ("", "find_devices('p5.48xlarge')"),
    "a count": ("", "find_devices('8x rtx 4090')"),
    "a size": ("", "find_devices('EPYC 9654 768GB')"),
    "one by another name, later": ("get_accelerator('Tesla T4')", "get_accelerator('NVIDIA H100 80GB HBM3')"),
    "one that was asked for before": ("get_accelerator('Tesla T4')", "get_accelerator('Tesla T4')"),
    "a cloud instance type, later": ("get_accelerator('Tesla T4')", "find_devices('p5.48xlarge')"),
    "an unknown name, later": ("get_accelerator('Tesla T4')", "'no such thing' in HARDWARE_CONFIGS"),
    "all": ("", "all_accelerators()"),
    "all in the original's keys": ("", "get_all_hardware()"),
}


def fresh_ms(before: str, question: str) -> float:
    """Milliseconds of one question in an interpreter that has asked nothing else."""
    code = (
        "import time; from llm_memory_hardware import *\n"
        f"{before or 'pass'}\nbegin = time.process_time()\n{question}\nprint((time.process_time() - begin) * 1e3)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout)


def main() -> None:
    print(f"{'':<38}{'ms':>8}")
    for name, (before, question) in QUESTIONS.items():
        print(f"{name:<38}{statistics.median(fresh_ms(before, question) for _ in range(RUNS)):>8.3f}")


if __name__ == "__main__":
    main()
