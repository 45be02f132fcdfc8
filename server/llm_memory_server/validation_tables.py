"""A validation report as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from llm_memory_calculator import TimeCalibration
from llm_memory_calculator.validation import BiasCell, CrossValidation, FitScore, Score, ValidationReport


def validation_table(report: ValidationReport) -> RenderableType:
    """What was scored, errors by metric and by group, bias by what rows are like, refused rows, the largest errors."""
    parts: list[RenderableType] = [Text(_heading(report))]
    if report.metrics:
        parts.append(_scores_table(("metric",), [((metric,), score) for metric, score in report.metrics.items()]))
    if report.by:
        rows = [((group, metric), score) for group, scores in report.by.items() for metric, score in scores.items()]
        parts += [Text(), _scores_table(("group", "metric"), rows)]
    if report.bias_by:
        parts += [Text(), _bias_table(report.bias_by)]
    if report.cross_validated is not None:
        parts += [Text(), *_cross_validated(report.cross_validated)]
    if report.refused:
        parts += [Text(), _refused_table(report.refused)]
    if report.worst:
        parts += [Text(), _worst_table(report)]
    return Group(*parts)


def _refused_table(refused: Mapping[str, int]) -> Table:
    table = _table(("refused because", "rows"), numbers_from=1)
    for reason, count in refused.items():
        table.add_row(Text(reason), str(count))
    return table


def calibration_table(calibration: TimeCalibration) -> RenderableType:
    """Factors on the estimates, by time, engine and accelerator."""
    heading = (
        f"{calibration.rows:,} rows ({calibration.kind}), {calibration.answered:,} answered. Estimates are to be "
        "multiplied by factor; two thirds of what was measured lie within factor / spread and factor x spread."
    )
    table = _table(("time", "engine", "hardware", "models", "rows", "factor", "spread"), numbers_from=4)
    for one in calibration.factors:
        models = Text(", ".join(one.models))
        spread = "one row" if one.spread is None else f"{one.spread:.3f}"
        numbers = f"{one.n:,}", f"{one.factor:.3f}", spread
        table.add_row(Text(one.time), Text(one.engine), Text(one.hardware), models, *numbers)
    parts: list[RenderableType] = [Text(heading), table]
    if calibration.refused:
        parts += [Text(), _refused_table(calibration.refused)]
    return Group(*parts)


def _heading(report: ValidationReport) -> str:
    refused = sum(report.refused.values())
    return (
        f"{report.rows:,} rows ({report.kind}): {report.answered:,} answered, {report.flagged:,} flagged and left out, "
        f"{refused:,} refused. Errors are of the estimate over the measured value, in per cent."
    )


def _scores_table(names: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], Score | FitScore]]) -> Table:
    columns = (*names, "rows", "mean error", "median error", "bias", "in 80 % range", "right")
    table = _table(columns, numbers_from=len(names))
    for labels, score in rows:
        table.add_row(*map(Text, labels), *_cells(score))
    return table


def _cells(score: Score | FitScore) -> tuple[str, ...]:
    if isinstance(score, FitScore):
        borderline = f" ({score.borderline} borderline)" if score.borderline else ""
        return f"{score.n:,}", "", "", "", "", f"{score.right:.1f}{borderline}"
    held = "-" if score.coverage_80 is None else f"{score.coverage_80:.0f}"
    return f"{score.n:,}", f"{score.mape:.1f}", f"{score.median_ape:.1f}", f"{score.bias:+.1f}", held, ""


def _cross_validated(found: CrossValidation) -> list[RenderableType]:
    heading = (
        f"Each of {found.groups:,} groups by {found.left_out} left out: its estimates times the factors that the rows "
        "of all others say."
    )
    rows = [((group, metric), score) for group, scores in found.by.items() for metric, score in scores.items()]
    parts: list[RenderableType] = [
        Text(heading),
        _scores_table(("metric",), [((metric,), score) for metric, score in found.metrics.items()]),
        Text(),
        _scores_table(("group", "metric"), rows),
    ]
    return [*parts, Text(), _bias_table(found.bias_by)] if found.bias_by else parts


def _bias_table(cells: Sequence[BiasCell]) -> Table:
    """Measured over estimated, a column a metric, with the rows and the share of them that ranges hold; what lies
    outside 0.93 to 1.07, or outside 75 to 90 %, has a star."""
    metrics = list(dict.fromkeys(cell.metric for cell in cells))
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        held = "" if cell.coverage_80 is None else f", {cell.coverage_80:.0f} %{'*' if cell.coverage_off else ''}"
        told = f"{cell.ratio:.2f}{'*' if cell.off else ''} ({cell.n:,}{held})"
        rows.setdefault((cell.by, cell.cell), {})[cell.metric] = told
    table = _table(("measured / estimated by", "", *metrics), numbers_from=2)
    for (by, cell_name), told_of in rows.items():
        table.add_row(Text(by), Text(cell_name), *(told_of.get(metric, "") for metric in metrics))
    return table


def _worst_table(report: ValidationReport) -> Table:
    table = _table(("row", "model", "metric", "measured", "estimated", "error"), numbers_from=3)
    for miss in report.worst:
        table.add_row(
            str(miss.row),
            Text(miss.model),
            miss.metric,
            _amount(miss.measured),
            _amount(miss.estimated),
            f"{miss.error:+.1f}",
        )
    return table


def _table(columns: tuple[str, ...], *, numbers_from: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place >= numbers_from else "left", overflow="fold")
    return table


def _amount(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
