"""Refit the constants of the time model to measured rows, and say how far off they are on rows that were left out.

    python benchmarks/fit_time.py --reference FOLDER [--cross-validate group|family|system]

The order is that of what rests on what: single kernels and chips first, then engines while these are held. Needs scipy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from time_fits import engines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, required=True, help="folder of the measured files")
    parser.add_argument("--cross-validate", choices=("group", "family", "system"), help="what is left out together")
    asked = parser.parse_args()
    found = engines.groups(asked.reference)
    names = sorted({group.engine for group in found})
    engines.report("as the tables are", [(group, *engines.simulated(group, {})) for group in found])
    fitted = {name: engines.fit([group for group in found if group.engine == name], {}) for name in names}
    for name, parameters in fitted.items():
        print(name, {parameter: round(value, 3) for parameter, value in parameters.items()})
    engines.report("fitted", [(group, *engines.simulated(group, fitted[group.engine])) for group in found])
    if asked.cross_validate is None:
        return
    scored = []
    for left_out in engines.folds(found, asked.cross_validate).values():
        for name in names:
            kept = [group for number, group in enumerate(found) if group.engine == name and number not in left_out]
            parameters = engines.fit(kept, {}, rounds=1)
            scored += [
                (found[number], *engines.simulated(found[number], parameters))
                for number in left_out
                if found[number].engine == name
            ]
    engines.report(f"left out by {asked.cross_validate}", scored)


if __name__ == "__main__":
    main()
