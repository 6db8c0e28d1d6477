"""A figure of a sweep against what was swept: every run a point, means joined by lines."""

import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.drawings.style import COLOURS, COLUMN, MARKS
from experiments.sweeps.table import SEED, Group, Table, groups_of

DECADES = 20.0  # a parameter that varies by more than this factor is drawn on a logarithmic axis


def draw_sweep(table: Table, figure_name: str) -> Figure:
    """The figure of all finished runs, over the first swept key that has numbers.

    Other keys are told apart by colour and mark. Without numbers, the values of the first key
    stand side by side; with nothing but seeds, all runs above one another.

    Args:
        table: of the runs.
        figure_name: one of the table's.
    """
    groups = [group for group in groups_of(table) if group.of(figure_name)]
    key = _axis_key(groups)
    values = [group.values.get(key, "") for group in groups]
    places = _places(values)
    series: dict[str, list[tuple[float, Group]]] = {}
    for place, group in zip(places, groups, strict=True):
        rest = ", ".join(f"{k}={v}" for k, v in group.values.items() if k != key)
        series.setdefault(rest, []).append((place, group))
    figure = Figure(figsize=(1.5 * COLUMN, 3), layout="constrained")
    axes = figure.add_subplot()
    for number, (rest, own) in enumerate(series.items()):
        own.sort(key=lambda pair: pair[0])
        look = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
        _draw_series(axes, own, figure_name, look, rest)
    _draw_axis(axes, values, places)
    axes.set(xlabel=key, ylabel=figure_name)
    if len(series) > 1:
        axes.legend()
    return figure


def _axis_key(groups: Sequence[Group]) -> str:
    keys = list(groups[0].values)
    numbers = [k for k in keys if all(_number(group.values[k]) is not None for group in groups)]
    return (numbers or keys or [SEED + "s"])[0]


def _draw_series(
    axes: Axes,
    own: Sequence[tuple[float, Group]],
    name: str,
    look: tuple[str, str],
    words: str,
) -> None:
    colour, mark = look
    points = [(x, y) for x, group in own for y in group.of(name)]
    axes.scatter(*zip(*points, strict=True), s=18, marker=mark, color=colour, alpha=0.6, lw=0)
    means = [statistics.mean(group.of(name)) for _, group in own]
    axes.plot([x for x, _ in own], means, color=colour, lw=1.4, marker=mark, label=words)


def _places(values: Sequence[str]) -> list[float]:
    """Where values stand on the axis: numbers at themselves, words side by side."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(numbers) == len(values):
        return numbers
    order = list(dict.fromkeys(values))
    return [float(order.index(value)) for value in values]


def _draw_axis(axes: Axes, values: Sequence[str], places: Sequence[float]) -> None:
    if any(_number(value) is None for value in values):
        names = list(dict.fromkeys(values))
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.6, len(names) - 0.4)
    elif min(places) > 0 and max(places) > DECADES * min(places):
        axes.set_xscale("log")


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
