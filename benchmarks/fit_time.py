"""Refit the constants of the time model to measured rows, and say how far off they are on rows that were left out.

    python benchmarks/fit_time.py --reference FOLDER [--stage kernels ...] [--cross-validate system] [--quick]

The stages are in the order of what rests on what: single kernels and chips first, then engines while these are held,
then local engines, then classes of accelerators without kernels. Each calls the engine's own laws with trial constants.
Found constants are printed with those of the tables in brackets. The tables are never written, so that who changes one
sees first what it does to the errors. Needs scipy (`pip install -e .[fit]`).

The folder has kernels/*.csv, serving_measured.csv, local_measured.csv, throughput_measured.csv, datacentre_measured.csv
and configs/ as org__name.json. Where something is left out, priors that know nothing of the rows take its place.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from time_fits import classes, engines, kernels, local

STAGES: dict[str, Callable[..., None]] = {
    "kernels": kernels.run,
    "engines": engines.run,
    "local": local.run,
    "classes": classes.run,
}
LEFT_OUT = ("group", "model", "system")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="folder of the measured files")
    parser.add_argument("--stage", nargs="+", choices=STAGES, default=list(STAGES), help="all where nothing is said")
    parser.add_argument(
        "--cross-validate",
        nargs="+",
        choices=LEFT_OUT,
        default=[],
        help="what is left out together, one after the other: a share of the shapes or of the deployments, or a model "
        "on an accelerator (group); a model, of which kernels have none; an accelerator (system)",
    )
    parser.add_argument("--quick", action="store_true", help="few rows and turns: whether all of it runs, no figures")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in STAGES:
        if name in asked.stage:
            began = time.monotonic()
            STAGES[name](asked.reference, cross_validate=asked.cross_validate, quick=asked.quick)
            print(f"\n{name}: {time.monotonic() - began:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
