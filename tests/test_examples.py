"""The examples run as the README says, offline."""

import runpy
from pathlib import Path

import pytest

NEEDED = {"sweep_dask.py": "distributed", "sweep_ray.py": "ray"}
EXAMPLES = [
    example
    for example in sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
    # its workers are the ranks that mpiexec starts
    if example.name != "sweep_mpi4py.py"
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(example: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    if example.name in NEEDED:
        pytest.importorskip(NEEDED[example.name])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("sys.argv", [str(example)])
    runpy.run_path(str(example), run_name="__main__")
    assert capfd.readouterr().out.strip()
