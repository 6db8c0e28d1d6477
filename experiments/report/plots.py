"""Drawn figures: skeletons in space, distributions and tables of numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from data.skeletons import Skeleton
from experiments.report.colours import id_colour


def draw_skeletons(
    skeletons: Mapping[int, Skeleton],
    size_nm: Sequence[float],
    synapses_nm: Float[np.ndarray, "n 3"],
) -> Figure:
    """Skeletons in their block of tissue, each in the colour of its id; synapses as dots.

    Args:
        skeletons: by id.
        size_nm: of the block (z, y, x).
        synapses_nm: places (z, y, x).
    """
    figure = Figure(figsize=(7, 5.6))
    axes = Axes3D(figure, (0.0, 0.0, 1.0, 1.0))
    figure.add_axes(axes)
    for number, skeleton in skeletons.items():
        ends, widths = _edges(skeleton)
        axes.add_collection3d(
            Line3DCollection(ends, colors=id_colour(number), linewidths=widths, capstyle="round")
        )
    z, y, x = synapses_nm.T / 1000
    axes.scatter(x, y, z, s=14, color="#f03246", depthshade=False)
    depth, height, width = (size / 1000 for size in size_nm)
    axes.set(xlim=(0, width), ylim=(height, 0), zlim=(depth, 0))
    axes.set(xlabel="x (µm)", ylabel="y (µm)", zlabel="z (µm)")
    axes.set_box_aspect((width, height, depth), zoom=0.9)
    axes.view_init(elev=24, azim=-60)
    return figure


def _edges(
    skeleton: Skeleton,
) -> tuple[Float[np.ndarray, "edges 2 3"], Float[np.ndarray, " edges"]]:
    """Both ends (x, y, z) of every edge in micrometres, and line widths that tell its calibre."""
    child = np.flatnonzero(skeleton.parents >= 0)
    ends = np.stack([child, skeleton.parents[child]], axis=-1)
    widths = (skeleton.radii_nm[ends].mean(1) / 40).clip(0.8, 5)
    return skeleton.positions_nm[ends][..., ::-1] / 1000, widths


def draw_histogram(groups: Mapping[str, Float[np.ndarray, " n"]], label: str) -> Figure:
    """How many values of each group lie where, on a logarithmic axis, stacked."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot()
    positive = {name: values[values > 0] for name, values in groups.items()}
    everything = np.concatenate([*positive.values()])
    bins = np.geomspace(0.99 * everything.min(), 1.01 * everything.max(), 25).tolist()
    colours = ("#4895ef", "#f4a261", "#9aa5b1")[: len(groups)]
    axes.hist([*positive.values()], bins, stacked=True, label=[*positive], color=colours)
    axes.set(xscale="log", xlabel=label, ylabel="number")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def draw_counts(groups: Mapping[str, Integer[np.ndarray, " n"]], label: str) -> Figure:
    """How many things have which whole number, such as neurites their connections."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot()
    most = max((int(values.max(initial=0)) for values in groups.values()), default=0)
    step = max(1, -(-most // 25))
    bins = (np.arange(0, most + step + 1, step) - 0.5).tolist()
    colours = ("#4895ef", "#f4a261", "#9aa5b1")[: len(groups)]
    axes.hist([*groups.values()], bins, label=[*groups], color=colours)
    axes.set(xlabel=label, ylabel="number")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def draw_matrix(
    weights: Integer[np.ndarray, "n n"], ids: Sequence[int], across: str, down: str
) -> Figure:
    """A square table of numbers as colours, 0 left white."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.add_subplot()
    shown = axes.imshow(np.where(weights > 0, weights, np.nan), cmap="viridis_r", vmin=1)
    axes.set(xlabel=across, ylabel=down)
    if len(ids) <= 40:
        axes.set_xticks(range(len(ids)), [str(i) for i in ids], rotation=90, fontsize=7)
        axes.set_yticks(range(len(ids)), [str(i) for i in ids], fontsize=7)
    else:
        axes.set(xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes, shrink=0.8, label="synapses")
    return figure
