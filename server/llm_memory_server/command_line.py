"""The command line: the questions of the tools, tables for people and --json for scripts."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from llm_memory_calculator import CalculatorError, __version__
from llm_memory_calculator.arguments import (
    BestParallelism,
    CalculateMemory,
    CompareHardware,
    EstimatePerformance,
    EstimateServing,
    ExplainStartupLog,
    InspectModel,
    MaxBatchSize,
    PlanDeployment,
    Question,
    Sweep,
)

from .answers import json_values, shown
from .options import option_of, value_of
from .spoken import ask, spoken

app = typer.Typer(
    name="llm-memory-calculator",
    help="Will this model fit, on what, how fast, in which layout.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say what every number is made of, as --detail full.")]


MeasuredFile = Annotated[str, typer.Argument(help="CSV file of measured rows; its columns tell what they measure.")]
Configs = Annotated[
    str | None,
    typer.Option(
        help="Folder of org__name.json, each the config of the model of that name.",
        metavar="FOLDER",
        show_default=False,
    ),
]
AllRows = Annotated[bool, typer.Option("--all", help="Rows too whose flag or suspect says what is wrong.")]
CalibrationFile = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        help="File to write what later estimates take as --calibration.",
        metavar="OUT.json",
        show_default=False,
    ),
]


class Transport(StrEnum):
    stdio = "stdio"
    sse = "sse"
    http = "streamable-http"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Will this model fit, on what, how fast, in which layout."""


def _show(report: Any, as_json: bool, table: Callable[[Any], Any]) -> None:
    if as_json:
        _print(lambda: typer.echo(json.dumps(json_values(report, derived=True), indent=2, allow_nan=False)))
    else:
        _print(lambda: _print_table(report, table))


def _print(say: Callable[[], None]) -> None:
    try:
        say()
        sys.stdout.flush()
    except BrokenPipeError:
        # nothing more can be said to a reader that has gone, and that is no error
        _silence()
        raise typer.Exit from None


def _show_text(said: Any, as_json: bool) -> None:
    """Rows as they are, or a report as its own sentence."""
    if isinstance(said, str):
        said = said.rstrip("\n")
    else:
        said = json.dumps(json_values(said), indent=2) if as_json else str(said)
    _print(lambda: typer.echo(said))


def _print_table(report: Any, table: Callable[[Any], Any]) -> None:
    from .tables import Output

    # piped output has no width of its own, and names are not to be cut
    console = Output(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(table(report))
    for note in getattr(report, "notes", ()):
        if note.origin != "default":
            console.print(f"{note.origin}: {note.text}", soft_wrap=True, markup=False)


def _silence() -> None:
    """Let the interpreter's own flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass(frozen=True, slots=True)
class Topic:
    """A question as a command."""

    function: str
    question: type[Question]
    help: str


TOPICS = {
    "memory": Topic("calculate_memory", CalculateMemory, "What one device must hold, and where it fits."),
    "inspect": Topic("inspect_model", InspectModel, "What a model is: parameters, attention, cache a token, formats."),
    "performance": Topic(
        "estimate_performance", EstimatePerformance, "Time to first token, time per output token, tokens a second."
    ),
    "serving": Topic(
        "estimate_serving", EstimateServing, "Requests that come and go: queue, percentiles, goodput, saturation."
    ),
    "parallelism": Topic(
        "best_parallelism", BestParallelism, "The best layout of a number of devices, and the next best."
    ),
    "compare": Topic("compare_hardware", CompareHardware, "Accelerators side by side, best first."),
    "plan": Topic("plan_deployment", PlanDeployment, "What to deploy for a load: the few plans worth weighing."),
    "batch": Topic("max_batch_size", MaxBatchSize, "The largest batch that fits."),
}


def _add(name: str, topic: Topic) -> None:
    """Add a question's command, an option for each of its arguments."""
    said = spoken(topic.question)

    def command(as_json: bool, explain: bool, **typed: Any) -> None:
        from .tables import report_table

        given = {
            entry.name: value_of(entry, typed[entry.name]) for entry in said if typed[entry.name] not in (None, [])
        }
        if explain:
            given["detail"] = "full"
        report = ask(topic.function, topic.question, given)
        _show(report, as_json, lambda answer: report_table(shown(answer, given.get("detail"))))

    parameters = [
        *map(option_of, said),
        Parameter("explain", Parameter.KEYWORD_ONLY, default=False, annotation=Explain),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command(name, help=topic.help)(command)


for _name, _topic in TOPICS.items():
    _add(_name, _topic)


def _explain_log() -> None:
    """Add the command that explains a start-up log and writes its calibration."""
    said = spoken(ExplainStartupLog)

    def command(as_json: bool, calibration: str | None, **typed: Any) -> None:
        from .tables import report_table

        given = {
            entry.name: value_of(entry, typed[entry.name]) for entry in said if typed[entry.name] not in (None, [])
        }
        report = ask("explain_startup_log", ExplainStartupLog, given)
        if calibration is not None:
            if report.calibration is None:
                raise CalculatorError(
                    "The log gives no calibration, since nothing of it can be compared: give --model and --hardware."
                )
            Path(calibration).write_text(json.dumps(report.calibration, indent=2) + "\n", encoding="utf-8")
        _show(report, as_json, lambda answer: report_table(shown(answer, given.get("detail"))))

    parameters = [
        *map(option_of, said),
        Parameter("calibration", Parameter.KEYWORD_ONLY, default=None, annotation=CalibrationFile),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command("explain-log", help="A start-up log beside the estimate: what binds, what to change.")(command)


_explain_log()


def _sweep() -> None:
    """Add the command that asks of many models, which shows how far it is where people watch."""
    said = spoken(Sweep)

    def command(as_json: bool, **typed: Any) -> None:
        from .progress import shown_progress

        given = {
            entry.name: value_of(entry, typed[entry.name]) for entry in said if typed[entry.name] not in (None, [])
        }
        with shown_progress() as progress:
            found = ask("sweep", Sweep, given, progress=progress)
        if "output" not in given:
            found = found.to_json(orient="records", indent=2) if as_json else found.to_csv(index=False)
        _show_text(found, as_json)

    parameters = [
        *map(option_of, said),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command("sweep", help="Many models on many accelerators: a CSV or Parquet file of rows, gone on with.")(command)


_sweep()


@app.command()
def hardware(
    name: Annotated[
        str | None, typer.Argument(help="One accelerator or cloud instance type; all when left out.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="What this machine has, found in the catalogue.")] = False,
    as_json: AsJson = False,
) -> None:
    """The accelerators of the catalogue, one with its sources, or those of this machine."""
    from llm_memory_calculator import all_accelerators, find_devices, local_hardware

    from .tables import (
        accelerator_facts,
        accelerator_table,
        accelerators_table,
        local_facts,
        local_table,
    )

    today = date.today()
    if local and name is not None:
        raise CalculatorError("Give the name of an accelerator or --local, not both.")
    if local:
        here = local_hardware()
        _show(local_facts(here) if as_json else here, as_json, local_table)
    elif name is None:
        shown = all_accelerators()
        _show([accelerator_facts(entry, today) for entry in shown] if as_json else shown, as_json, accelerators_table)
    else:
        found, count = find_devices(name)
        shown_facts = accelerator_facts(found, today, count) if as_json else found
        _show(shown_facts, as_json, lambda entry: accelerator_table(entry, today, count))


@app.command()
def models(
    query: Annotated[str | None, typer.Argument(help="Part of a name.")] = None, as_json: AsJson = False
) -> None:
    """The models of the bundled catalogue."""
    from llm_memory_calculator import catalogue_names

    from .tables import names_table

    names = [name for name in catalogue_names() if query is None or query.lower() in name.lower()]
    if not names:
        raise CalculatorError(
            f"No model of the catalogue has {query!r} in its name; any hub id can be asked for as well."
        )
    _show(names, as_json, names_table)


@app.command()
def validate(
    file: MeasuredFile,
    by: Annotated[
        str | None, typer.Option(help="Scores by group too.", metavar="[model|system|engine]", show_default=False)
    ] = None,
    cross_validate: Annotated[
        str | None,
        typer.Option(
            help="Scores too of estimates times factors that all rows but those of the same group say.",
            metavar="[model|system|engine]",
            show_default=False,
        ),
    ] = None,
    configs: Configs = None,
    all_rows: AllRows = False,
    as_json: AsJson = False,
) -> None:
    """How far the estimates are from measured rows."""
    from llm_memory_calculator.validation import validate as validated

    from .validation_tables import validation_table

    report = validated(file, by=by, cross_validate=cross_validate, configs=configs, all_rows=all_rows)
    _show(report, as_json, validation_table)


@app.command()
def calibrate(file: MeasuredFile, configs: Configs = None, all_rows: AllRows = False, as_json: AsJson = False) -> None:
    """Your measured times as factors on the estimates; the --json document is what --calibration takes."""
    from llm_memory_calculator import calibrate as calibrated

    from .validation_tables import calibration_table

    _show(calibrated(file, configs=configs, all_rows=all_rows), as_json, calibration_table)


@app.command()
def serve(
    transport: Annotated[
        Transport, typer.Option(help="stdio, streamable-http, or sse (deprecated by the protocol since 2026-07-28).")
    ] = Transport.stdio,
    host: Annotated[str, typer.Option(help="Address to bind to; beyond this machine a token is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of sse and streamable-http.", min=1, max=65535)] = 8000,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="Host header to accept on a wider bind, with its port; several times.")
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(
            help="Folder below which sse and streamable-http may read local models; without it none.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    stateless: Annotated[
        bool,
        typer.Option(
            "--stateless",
            help="streamable-http keeps no sessions: several servers may stand behind one address.",
        ),
    ] = False,
) -> None:
    """Run the MCP server."""
    # what a server loads it keeps to its end: the collector need not look at it, neither now nor at exit
    gc.disable()
    from .transports import Service, serve as serve_http, serve_stdio

    gc.freeze()
    gc.enable()
    if transport is Transport.stdio:
        serve_stdio()
    else:
        serve_http(
            Service(
                transport="sse" if transport is Transport.sse else "streamable-http",
                host=host,
                port=port,
                allowed_hosts=allowed_host or [],
                root=root,
                stateless=stateless,
            )
        )


def main() -> None:
    """Run the command line: exit code 2 and one sentence for what the caller can mend."""
    if sys.stdout is None:
        # started with its output closed: what is said goes nowhere, as after a pipe's reader has gone
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    try:
        # not standalone: a usage error is one sentence here too
        code = app(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        typer.echo(f"error: {' '.join(error.format_message().split())}", err=True)
        sys.exit(2)
    except CalculatorError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        _silence()
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
