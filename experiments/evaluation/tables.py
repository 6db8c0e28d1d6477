"""Metrics as tables: conventions side by side, and the rest one a line."""

from collections.abc import Sequence

from ops.metrics.metric import Metric, markdown, value_text

Table = tuple[list[str], list[list[str]]]


def by_convention(metrics: Sequence[Metric]) -> Table | None:
    """Header and rows, one for each convention, of the metrics that several of them share.

    None where conventions share no metric.
    """
    shared = [name for name in dict.fromkeys(m.name for m in metrics) if _times(metrics, name) > 1]
    if not shared:
        return None
    cells = {(m.convention, m.name): value_text(m) for m in metrics if m.name in shared}
    conventions = dict.fromkeys(convention for convention, _ in cells)
    rows = [[c, *(cells.get((c, name), "") for name in shared)] for c in conventions]
    return ["convention", *shared], rows


def summary(metrics: Sequence[Metric]) -> str:
    """Both tables as text."""
    table = by_convention(metrics)
    rest = [metric for metric in metrics if _times(metrics, metric.name) == 1]
    parts = [_text(table)] if table else []
    if rest:
        parts.append(markdown(rest))
    return "\n".join(parts)


def _times(metrics: Sequence[Metric], name: str) -> int:
    return sum(metric.name == name for metric in metrics)


def _text(table: Table) -> str:
    header, rows = table
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    rule = "|" + " --- |" + " ---: |" * (len(header) - 1)
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"
