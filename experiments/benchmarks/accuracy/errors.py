"""Rounding errors of the convolution and its gradients against float64, beside those of XLA."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Float64

from experiments.benchmarks.conv.jax_works import lax_conv
from ops.winograd import winograd_conv
from ops.winograd.plan import Precision

SIZES = {2: (43, 49), 3: (13, 17, 23)}  # voxels by rank: no multiples of a tile
INPUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda x: x,
    "after relu": lambda x: np.maximum(x, 0),
}
QUANTITIES = ("y", "dx", "dw")
# Results of a tile along an axis: the most that each class allows, so that none is less exact.
LARGEST: dict[Precision, int] = {"high": 2, "default": 4, "fast": 6}

Images = Float32[Array, "..."]
Row = dict[str, str | int | float]
Exact = tuple[Float64[np.ndarray, "..."], ...]


def error_rows(channels: Sequence[int], seed: int) -> list[Row]:
    """Errors of every class of precision and of XLA, one row for each layer and its images.

    Kernels are of 3 along every axis, with as many input channels as outputs; images, kernels and
    the gradient of the result are drawn from the normal distribution, the images also with what
    is negative set to 0. Columns: rank, channels, images, convolution (`LARGEST`, or "XLA"),
    bound (of the relative rms error, "" for XLA), and for each of the result y and the gradients
    dx and dw its relative rms error and its largest error over the largest value.
    """
    rows: list[Row] = []
    for rank, width, images in itertools.product(SIZES, channels, INPUTS):
        x, w, dy = _draw(rank, width, seed)
        x = INPUTS[images](x)
        expected = exact(x, w, dy)
        for name, conv in _contenders().items():
            y, back = jax.vjp(conv, jnp.asarray(x), jnp.asarray(w))
            errors = _errors((y, *back(jnp.asarray(dy))), expected)
            layer: Row = {"rank": rank, "channels": width, "images": images, "convolution": name}
            rows.append({**layer, "bound": bound(name, width), **errors})
    return rows


def bound(convolution: str, channels: int) -> float | str:
    """Of the relative rms error that `winograd_conv` publishes; "" for XLA, which has none."""
    published = {"high": 5e-7, "default": 3e-6, "fast": 2e-5}
    if convolution not in published:
        return ""
    grows_from = 128 if convolution == "high" else 64
    growth = math.sqrt(channels / grows_from)
    return published[convolution] * (max(1.0, growth) if convolution == "high" else growth)


def exact(x: np.ndarray, w: np.ndarray, dy: np.ndarray) -> Exact:
    """y = x * w with zeros around x, and the gradients dx and dw, in float64, tap by tap."""
    x, w, dy = (array.astype(np.float64) for array in (x, w, dy))
    places = tuple(range(x.ndim - 1))
    around = [(0, 0), *((k // 2, k // 2) for k in w.shape[:-2]), (0, 0)]
    padded = np.pad(x, around)
    y, dpadded, dw = np.zeros_like(dy), np.zeros_like(padded), np.zeros_like(w)
    for tap in np.ndindex(*w.shape[:-2]):
        seen = (slice(None), *(slice(t, t + n) for t, n in zip(tap, x.shape[1:-1], strict=True)))
        y += padded[seen] @ w[tap]
        dpadded[seen] += dy @ w[tap].T
        dw[tap] = np.tensordot(padded[seen], dy, (places, places))
    inside = tuple(slice(lo, n + lo) for n, (lo, _) in zip(x.shape, around, strict=True))
    return y, dpadded[inside], dw


def _contenders() -> dict[str, Callable[[Images, Images], Images]]:
    ours = {
        precision: functools.partial(winograd_conv, precision=precision, tile=outputs)
        for precision, outputs in LARGEST.items()
    }
    return {**ours, "XLA": lax_conv}


def _draw(rank: int, channels: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, kernels, and the gradient of the result."""
    rng = np.random.default_rng([seed, rank, channels])
    image, kernel = (1, *SIZES[rank], channels), (*(3,) * rank, channels, channels)
    x, w, dy = (rng.standard_normal(shape, np.float32) for shape in (image, kernel, image))
    return x, w, dy


def _errors(found: Sequence[Array], expected: Exact) -> Row:
    errors: Row = {}
    for name, array, truth in zip(QUANTITIES, found, expected, strict=True):
        off = np.asarray(array, np.float64) - truth
        errors[f"{name}_rms"] = float(np.sqrt((off**2).mean() / (truth**2).mean()))
        errors[f"{name}_max"] = float(np.abs(off).max() / np.abs(truth).max())
    return errors
