"""The command line: the questions of the tools, tables for people and --json for scripts."""

from __future__ import annotations

import gc
import os
import sys
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Annotated

import typer

from llm_memory_calculator import CalculatorError, __version__

from .printing import AsJson, show, silence

app = typer.Typer(
    name="llm-memory-calculator",
    help="Will this model fit, on what, how fast, in which layout.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
        show(local_facts(here) if as_json else here, as_json, local_table)
    elif name is None:
        shown = all_accelerators()
        show([accelerator_facts(entry, today) for entry in shown] if as_json else shown, as_json, accelerators_table)
    else:
        found, count = find_devices(name)
        shown_facts = accelerator_facts(found, today, count) if as_json else found
        show(shown_facts, as_json, lambda entry: accelerator_table(entry, today, count))


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
    show(names, as_json, names_table)


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
    show(report, as_json, validation_table)


@app.command()
def calibrate(file: MeasuredFile, configs: Configs = None, all_rows: AllRows = False, as_json: AsJson = False) -> None:
    """Your measured times as factors on the estimates; the --json document is what --calibration takes."""
    from llm_memory_calculator import calibrate as calibrated

    from .validation_tables import calibration_table

    show(calibrated(file, configs=configs, all_rows=all_rows), as_json, calibration_table)


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
        told = {"root": root, "allowed_host": allowed_host, "stateless": stateless}
        if given := [name for name, value in told.items() if value]:
            raise CalculatorError(
                f"{', '.join(given)} is of sse and streamable-http alone: over stdio the one client is who started "
                "this, and may name any local model. Give transport too, or leave it out."
            )
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


@cache
def _every_command() -> typer.Typer:
    """The command line with the questions, which come first."""
    from .question_commands import app as questions

    app.registered_commands[:0] = questions.registered_commands
    return app


def main() -> None:
    """Run the command line: exit code 2 and one sentence for what the caller can mend."""
    if sys.stdout is None:
        # started with its output closed: what is said goes nowhere, as after a pipe's reader has gone
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    try:
        # a server answers no command, and is to start soon
        asked = app if sys.argv[1:2] == ["serve"] else _every_command()
        # not standalone: a usage error is one sentence here too
        code = asked(standalone_mode=False)
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
        silence()
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
