"""The file that the catalogue is read from: written from the TOMLs, read when asked for, in a folder or a zip."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path

import pytest

import llm_memory_hardware as hardware
from llm_memory_hardware import InvalidHardwareError, all_accelerators
from llm_memory_hardware.write_catalogue import ACCELERATORS, catalogue_lines, read_accelerators

COMMAND = "python -m llm_memory_hardware.write_catalogue"
ROOT = Path(hardware.__file__).parent


def test_the_written_file_says_what_the_tomls_say() -> None:
    written = files("llm_memory_hardware").joinpath("catalogue.jsonl").read_text(encoding="utf-8").splitlines()
    differing = [
        (is_written or should_be)[:60]
        for is_written, should_be in zip_longest(
            written, catalogue_lines(read_accelerators(ACCELERATORS)), fillvalue=""
        )
        if is_written != should_be
    ]
    assert not differing, f"catalogue.jsonl and the TOMLs differ; write it anew with `{COMMAND}`: {differing[:4]}"


def test_what_is_read_is_what_the_tomls_describe() -> None:
    described = read_accelerators(ACCELERATORS)
    assert len(described) == sum(entry.suffix == ".toml" for entry in ACCELERATORS.iterdir())
    for read, accelerator in zip(all_accelerators(), described, strict=True):
        assert read == accelerator
        assert repr(read) == repr(accelerator)  # so that 1 is not 1.0, nor a list a tuple


def test_a_file_is_named_for_its_accelerator(tmp_path: Path) -> None:
    (tmp_path / "H101.toml").write_bytes((ACCELERATORS / "H100_SXM.toml").read_bytes())
    with pytest.raises(InvalidHardwareError, match=r"^H101.toml: key 'name' is 'H100_SXM'; it must be the file's name"):
        read_accelerators(tmp_path)


def test_a_faulty_toml_is_not_written(tmp_path: Path) -> None:
    text = (ACCELERATORS / "H100_SXM.toml").read_text(encoding="utf-8")
    (tmp_path / "H100_SXM.toml").write_text(text.replace("memory_bandwidth = 3.35e12", "memory_bandwidth = 3350"))
    with pytest.raises(InvalidHardwareError, match=r"^H100_SXM.toml: key 'memory_bandwidth' is 3,350"):
        read_accelerators(tmp_path)


def test_importing_the_package_reads_nothing_and_a_question_what_it_needs() -> None:
    code = (
        "import sys; before = set(sys.modules); import llm_memory_hardware as h; "
        "print(sorted({'json', 'tomllib', 'pathlib', 'llm_memory_hardware.built_in'} & (set(sys.modules) - before))); "
        "h.get_accelerator('H100 SXM'); from llm_memory_hardware import built_in; "
        "print(built_in.accelerator.cache_info().currsize, 'llm_memory_hardware.schema' in sys.modules)"
    )
    assert _run(code, ROOT.parent).splitlines() == ["[]", "1 False"]


def test_the_package_works_from_a_zip_and_without_its_tomls(tmp_path: Path) -> None:
    place = tmp_path / "hardware.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for file in ROOT.rglob("*"):
            if file.suffix in (".py", ".jsonl") or file.name == "words.toml":
                archive.write(file, file.relative_to(ROOT.parent))
    code = (
        "import llm_memory_hardware as h; "
        "print('hardware.zip' in h.__file__, h.find_devices('p5.48xlarge')[1], len(h.all_accelerators()), "
        "h.get_accelerator('4090 RTX').name)"
    )
    assert _run(code, place).split() == ["True", "8", str(len(all_accelerators())), "RTX_4090"]


def test_every_public_name_exists_once() -> None:
    assert len(set(hardware.__all__)) == len(hardware.__all__)
    assert set(hardware.__all__) == set(hardware._MODULES)
    for name in hardware.__all__:
        assert hasattr(hardware, name)
        assert name in dir(hardware)


def _run(code: str, path: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return run.stdout.strip()
