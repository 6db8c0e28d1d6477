"""Time and memory against the size of the image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure


def draw_scaling(rows: Sequence[tuple[float, int, float, float]]) -> Figure:
    """Two plots, of rows (megabytes, workers, seconds, peak gigabytes); a line is linear growth."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = sorted({workers for _, workers, _, _ in rows}, reverse=True)
    for workers, marker in zip(counts, "osd^v", strict=False):
        size, _, seconds, memory = np.array([row for row in rows if row[1] == workers]).T
        label = f"{workers} worker{'s' if workers > 1 else ''}"
        left.loglog(size, seconds, marker, color="#2c6fbb", label=label)
        right.semilogx(size, memory, marker, color="#2c6fbb", label=label)
        if len(size) > 1:
            left.loglog(size, seconds[0] * size / size[0], color="#6b7683", lw=1, label="linear")
    left.set(xlabel="image (MB)", ylabel="time (s)")
    right.set(xlabel="image (MB)", ylabel="largest process (GB)", ylim=(0, None))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure
