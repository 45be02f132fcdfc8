"""The questions of the engine as commands, an option for each of their arguments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

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
from llm_memory_calculator.errors import CalculatorError

from .answers import shown
from .options import option_of, value_of
from .printing import AsJson, show, show_text
from .spoken import COMMAND, ask, spoken

app = typer.Typer()

Explain = Annotated[bool, typer.Option("--explain", help="Say what every number is made of, as --detail full.")]
CalibrationFile = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        help="File to write what later estimates take as --calibration.",
        metavar="OUT.json",
        show_default=False,
    ),
]


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
        report = ask(COMMAND, topic.function, topic.question, given)
        show(report, as_json, lambda answer: report_table(shown(answer, given.get("detail"))))

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
        report = ask(COMMAND, "explain_startup_log", ExplainStartupLog, given)
        if calibration is not None:
            if report.calibration is None:
                raise CalculatorError(
                    "The log gives no calibration, since nothing of it can be compared: give --model and --hardware."
                )
            Path(calibration).write_text(json.dumps(report.calibration, indent=2) + "\n", encoding="utf-8")
        show(report, as_json, lambda answer: report_table(shown(answer, given.get("detail"))))

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
            found = ask(COMMAND, "sweep", Sweep, given, progress=progress)
        if "output" not in given:
            found = found.to_json(orient="records", indent=2) if as_json else found.to_csv(index=False)
        show_text(found, as_json)

    parameters = [
        *map(option_of, said),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command("sweep", help="Many models on many accelerators: a CSV or Parquet file of rows, gone on with.")(command)


_sweep()
