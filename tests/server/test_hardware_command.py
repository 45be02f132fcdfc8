"""The command `hardware`: the catalogue, one entry, what this machine has (from recorded outputs)."""

import io
import json
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from llm_memory_hardware import Price, all_accelerators, get_accelerator, local
from llm_memory_server.command_line import main
from llm_memory_server.tables import accelerator_facts, accelerator_table

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: its arguments in; exit code, output and errors out."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["llm-memory-calculator", "hardware", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing in it: a folder for tools, the only one on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(local, "PROC", tmp_path / "proc")
    return tmp_path


def test_the_catalogue_is_a_table(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert set(rows) >= {accelerator.name for accelerator in all_accelerators()}
    assert rows["H100_SXM"] == ["gpu", "80", "3,350", "989.4", "1978.9", "450", "8"]
    assert rows["EPYC_7763"][3] == "-"  # no 16-bit unit, and no zero for it


def test_one_entry_has_its_sources(run: Run) -> None:
    code, out, _ = run("h100")
    assert code == 0
    for part in ("H100_SXM", "compute_capability", "NVLink 4, 450 GB/s in each direction", "p5.48xlarge: 8", "source"):
        assert part in out
    assert "devices  " not in out


def test_an_instance_type_says_its_count(run: Run) -> None:
    code, out, _ = run("p5.48xlarge", "--json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["name"], facts["devices"], facts["link"]["bandwidth"]) == ("H100_SXM", 8, 4.5e11)
    assert facts["sources"][0]["url"].startswith("https://")
    assert all(price["usd_per_device_hour"] > 0 for price in facts["prices"])


def test_a_card_of_two_devices_says_so(run: Run) -> None:
    facts = json.loads(run("MI250X", "--json")[1])
    assert (facts["name"], facts["devices"], facts["Memory_size"]) == ("MI250X_GCD", 2, 64)
    assert facts["boards"]["MI250X"] == 2
    rows = [line.split() for line in run("AMD Instinct MI250X")[1].splitlines()]
    assert ["devices", "2"] in rows


def test_memory_fitted_to_order_says_so(run: Run) -> None:
    assert json.loads(run("EPYC 9654", "--json")[1])["memory_is_maximum"] is True
    sized = json.loads(run("EPYC 9654 768GB", "--json")[1])
    assert sized["Memory_size"] == 768
    assert "memory_is_maximum" not in sized


def test_a_price_without_the_machine_says_so(run: Run) -> None:
    assert "Google Cloud 1 device(s) without the machine" in " ".join(run("T4")[1].split())


# Dates of prices, the day on which they are shown, and the days since the first that each date can mean.
AGES = [
    ("2026-11-01", date(2026, 11, 28), None),
    ("2026-08-30", date(2026, 11, 28), None),
    ("2026-08-29", date(2026, 11, 28), 91),
    ("2026-02", date(2026, 11, 28), 300),
    ("2025", date(2026, 1, 1), 365),
]


@pytest.mark.parametrize(("read", "today", "age"), AGES)
def test_a_price_older_than_ninety_days_says_its_age(read: str, today: date, age: int | None) -> None:
    price = Price(provider="AWS", tier="on_demand", usd_per_hour=8.0, devices=8, date=read, url="https://example.org")
    entry = replace(get_accelerator("H100 SXM"), prices=(price,))
    (facts,) = accelerator_facts(entry, today)["prices"]
    assert facts.get("age_days") == age
    console = Console(width=1000, record=True, file=io.StringIO())
    console.print(accelerator_table(entry, today))
    printed = console.export_text()
    assert ("days ago" in printed) == (age is not None)
    if age is not None:
        up_to = "" if read.count("-") == 2 else "up to "
        assert f"({read}, {up_to}{age} days ago)" in printed


def test_an_old_price_says_its_age_on_the_command_line(run: Run) -> None:
    # read in January 2025
    assert re.search(r"\(2025-01, up to \d+ days ago\)", " ".join(run("T4")[1].split()))
    assert min(price["age_days"] for price in json.loads(run("T4", "--json")[1])["prices"] if "2025" in price["date"])


def test_what_sources_differ_on_is_said(run: Run) -> None:
    assert "memory_bus_bits: 3072 bits were taken" in " ".join(run("Max 1100")[1].split())
    assert set(json.loads(run("SN40L", "--json")[1])["disputed"]) == {"memory_bandwidth"}
    assert "disputed" not in json.loads(run("H100", "--json")[1])


def test_all_as_json(run: Run) -> None:
    code, out, _ = run("--json")
    assert code == 0
    assert len(json.loads(out)) == len(all_accelerators())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("H1OO",), "Did you mean H100"),
        (("A100",), "means several accelerators: A100_40GB (40 GB, 1,555 GB/s) or A100_80GB"),
        (("H100 MIG 1g.10gb",), "is a MIG slice"),
        (("H100", "--local"), "not both"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.usefixtures("machine")
def test_a_machine_with_nothing_gets_a_plain_answer(run: Run) -> None:
    assert run("--local")[:2] == (0, run("--local")[1])
    assert "No accelerator or processor was found" in run("--local")[1]
    assert json.loads(run("--local", "--json")[1]) == {"devices": [], "problems": []}


def test_a_machine_s_cards_are_found_in_the_catalogue(run: Run, machine: Path) -> None:
    tool = machine / "nvidia-smi"
    lines = "echo 'NVIDIA L4, 23034, 0x27B810DE, [N/A]'; echo 'NVIDIA Nonesuch 9000, 1024, garbage, [N/A]'"
    tool.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    code, out, _ = run("--local")
    assert code == 0
    assert "L4 (certain)" in out
    assert "'NVIDIA Nonesuch 9000' is not in the catalogue" in out
    first, second = json.loads(run("--local", "--json")[1])["devices"]
    assert (first["hardware"], first["count"], first["pci_id"]) == ("L4", 1, "10de:27b8")
    assert (second["hardware"], second["confidence"]) == (None, "none")


def test_a_tool_that_fails_is_said_and_is_no_error(run: Run, machine: Path) -> None:
    tool = machine / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'no driver'\nexit 9\n", encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    code, out, _ = run("--local")
    assert code == 0
    assert "nvidia-smi failed with exit code 9: no driver" in out


def test_a_reported_name_is_text_and_no_markup(run: Run, machine: Path) -> None:
    tool = machine / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Card [bold]of[/bold] [/x], 1024, garbage, [N/A]'\n", encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    code, out, _ = run("--local")
    assert code == 0
    assert "Card [bold]of[/bold] [/x]" in out
