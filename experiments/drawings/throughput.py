"""How fast the main job is beside what libraries make of it, and how its cost grows."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from experiments.benchmarks.result import OURS
from experiments.drawings.rows import distinct, where
from experiments.drawings.style import COLOURS, COLUMN, GREY, MARKS, PAGE, Drawn, panels, title_of
from experiments.stored_results import Row


def draw_throughput(rows: Sequence[Row]) -> Drawn:
    """MB/s of the whole job, from image to skeletons, a bar for each weights and contender.

    Rows: data, weights, stage ("whole" is drawn), contender, and mb_per_s of each round.
    """
    own = where(rows, stage="whole")
    data = distinct(own, "data")
    heights = [len(where(own, data=name)) for name in data]
    figure, axes = panels(
        COLUMN, 0.8 + 0.34 * len(own), rows=len(data), sharex=True, height_ratios=heights
    )
    for panel, name in zip(axes, data, strict=True):
        few = where(own, data=name)
        names = [_named(row) for row in few]
        rates = [statistics.median(row["mb_per_s"]) for row in few]
        colours = [COLOURS[0] if row["contender"] == OURS else COLOURS[4] for row in few]
        panel.bar_label(panel.barh(names, rates, color=colours), fmt="{:.2g}", padding=2)
        panel.set_title(title_of(name), loc="left")
        panel.invert_yaxis()
        panel.margins(x=0.15)
    axes[-1].set_xlabel("MB/s")
    return Drawn(figure, [_plain(row) for row in own])


def _named(row: Row) -> str:
    if row["contender"] == OURS:
        return f"{OURS}, {row['weights']}"
    return row["contender"].replace(" + ", ",\n", 1)


def _plain(row: Row) -> Row:
    rates = row["mb_per_s"]
    return {**row, "mb_per_s": statistics.median(rates), "rounds": len(rates)}


def draw_scaling(rows: Sequence[Row]) -> Drawn:
    """Time and memory against the size of the image; a line is growth as the size.

    Rows: megabytes, workers, seconds, peak_memory_gb.
    """
    figure, (time, memory) = panels(PAGE, 2.6, 2)
    for number, workers in enumerate(sorted(distinct(rows, "workers"), reverse=True)):
        own = where(rows, workers=workers)
        size, seconds = (np.array([row[n] for row in own]) for n in ("megabytes", "seconds"))
        look: dict[str, Any] = {"marker": MARKS[number], "color": COLOURS[number], "ls": "none"}
        if number:  # open, so that what lies under it shows
            look |= {"mfc": "none", "ms": 7}
        time.loglog(size, seconds, label=f"{workers} worker{'s' if workers > 1 else ''}", **look)
        memory.semilogx(size, [row["peak_memory_gb"] for row in own], **look)
        if number == 0 and len(size) > 1:
            time.loglog(size, seconds[0] * size / size[0], color=GREY, lw=1, label="linear")
    time.set(xlabel="image (MB)", ylabel="time (s)")
    time.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    time.yaxis.set_major_formatter("{x:g}")
    time.yaxis.set_minor_formatter(NullFormatter())
    time.legend()
    memory.set(xlabel="image (MB)", ylabel="largest process (GB)")
    memory.set_ylim(0, 1.1 * max(row["peak_memory_gb"] for row in rows))
    for axes in (time, memory):
        _label_sizes(axes, sorted(distinct(rows, "megabytes")))
    return Drawn(figure, rows)


def _label_sizes(axes: Axes, sizes: Sequence[float]) -> None:
    axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
