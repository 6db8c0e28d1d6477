"""How many times as fast as its peers the convolution is, layer by layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from experiments.benchmarks.result import OURS
from experiments.drawings.rows import distinct, where
from experiments.drawings.style import COLOURS, GREY, MARKS, PAGE, Drawn, panels
from experiments.stored_results import Row

MACHINE = "machine"  # the layer under which its limits are kept
PANELS = {"prepared": "forward, kernels prepared", "step": "training step"}
CONTENDERS = (OURS, "XLA", "PyTorch (oneDNN)", "FMA peak")
LOOKS = {who: (COLOURS[n], MARKS[n]) for n, who in enumerate(CONTENDERS)}


def draw_speed(rows: Sequence[Row]) -> Drawn:
    """Ratios of medians for inference and training; lines reach from the least round to the best.

    Rows: layer, pass, contender and its `rounds` in GFLOP/s, which were measured in turns.
    """
    layers = [layer for layer in distinct(rows, "layer") if layer != MACHINE]
    figure, axes = panels(PAGE, 0.9 + 0.26 * len(layers), len(PANELS), sharex=True, sharey=True)
    shown = []
    for panel, (what, title) in zip(axes, PANELS.items(), strict=True):
        ratios = [_ratio(layer, rows, row) for layer in layers for row in _peers(rows, layer, what)]
        _draw(panel, ratios, layers)
        panel.set(title=title, xlabel="neuropil / peer (times as fast)")
        shown += ratios
    axes[0].set_yticks(range(len(layers)), layers, fontsize=6.5)
    axes[0].invert_yaxis()
    marks, names = axes[0].get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=len(names))
    return Drawn(figure, shown)


def _peers(rows: Sequence[Row], layer: str, what: str) -> list[Row]:
    own = where(rows, layer=layer, **{"pass": what})
    return [row for row in own if row["contender"] != OURS]


def _ratio(layer: str, rows: Sequence[Row], peer: Row) -> Row:
    (ours,) = where(rows, layer=layer, contender=OURS, **{"pass": peer["pass"]})
    rounds = np.divide(ours["rounds"], peer["rounds"])
    return {
        "layer": layer,
        "pass": peer["pass"],
        "peer": peer["contender"],
        "ratio": float(np.median(ours["rounds"]) / np.median(peer["rounds"])),
        "ratio_least": float(rounds.min()),
        "ratio_greatest": float(rounds.max()),
    }


def _draw(axes: Axes, ratios: Sequence[Row], layers: Sequence[str]) -> None:
    for peer in distinct(ratios, "peer"):
        own = where(ratios, peer=peer)
        places = [layers.index(row["layer"]) for row in own]
        least, greatest = ([row[f"ratio_{end}"] for row in own] for end in ("least", "greatest"))
        colour, mark = LOOKS[peer]
        axes.hlines(places, least, greatest, color=colour, lw=1)
        axes.plot([row["ratio"] for row in own], places, mark, color=colour, label=peer)
    axes.axvline(1, color=GREY, lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="y", lw=0.3)
