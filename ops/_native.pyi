from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped, UInt8, UInt32, UInt64

def instruction_set() -> str: ...
def count_pairs(
    truth: Shaped[np.ndarray, " voxels"], prediction: Shaped[np.ndarray, " voxels"]
) -> tuple[
    UInt64[np.ndarray, " pairs"], UInt64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]
]: ...
def decode(
    maps: UInt8[np.ndarray, "length pixels channels"],
    words: UInt8[np.ndarray, "words length"],
    names: UInt64[np.ndarray, " words"],
    least: float,
    threads: int,
    labels: UInt64[np.ndarray, " pixels"],
    confidence: UInt8[np.ndarray, " pixels"],
) -> None: ...
def fma_peak(threads: int, steps: int) -> float: ...
def read_bandwidth(data: Float32[np.ndarray, " floats"], threads: int, passes: int) -> float: ...
def winograd_handlers() -> dict[str, object]: ...
def winograd_kernels() -> tuple[str, int]: ...
def winograd_describe(
    x: list[int],
    out: list[int],
    cout: int,
    kernel: list[int],
    tile: list[int],
    pad: list[int],
    threads: int,
) -> dict[str, int | str]: ...
def cache_bytes() -> tuple[int, int]: ...
def boundary_distance(
    inside: UInt8[np.ndarray, "z y x"],
    out: Float32[np.ndarray, "z y x"],
    spacing: Sequence[float],
    in_plane: bool,
    threads: int,
) -> None: ...
def smooth(map: Float32[np.ndarray, "z y x"], sigma: Sequence[float], threads: int) -> None: ...
def label_maxima(
    map: Float32[np.ndarray, "z y x"],
    labels: UInt32[np.ndarray, "z y x"],
    in_plane: bool,
    threads: int,
) -> int: ...
def watershed(
    height: UInt8[np.ndarray, "z y x"],
    labels: UInt32[np.ndarray, "z y x"],
    mask: UInt8[np.ndarray, "z y x"] | None,
    in_plane: bool,
    threads: int,
) -> None: ...
def boundary_graph(
    labels: Shaped[np.ndarray, "z y x"],
    boundary: UInt8[np.ndarray, "z y x"],
    owned: Sequence[tuple[int, int]],
    threads: int,
) -> tuple[np.ndarray, ...]: ...
def affinity_graph(
    labels: Shaped[np.ndarray, "z y x"],
    affinities: UInt8[np.ndarray, "z y x c"],
    offsets: Sequence[tuple[int, int, int]],
    owned: Sequence[tuple[int, int]],
    threads: int,
) -> tuple[np.ndarray, ...]: ...
def agglomerate_mean(
    nodes: int,
    ends: UInt32[np.ndarray, "n 2"],
    faces: Int64[np.ndarray, " n"],
    sums: Float64[np.ndarray, " n"],
    weights: Float64[np.ndarray, " n"],
) -> tuple[UInt32[np.ndarray, "m 2"], Float32[np.ndarray, " m"]]: ...
def agglomerate_quantile(
    nodes: int,
    ends: UInt32[np.ndarray, "n 2"],
    faces: Int64[np.ndarray, " n"],
    histograms: UInt32[np.ndarray, "n 16"],
    quantile: float,
) -> tuple[UInt32[np.ndarray, "m 2"], Float32[np.ndarray, " m"]]: ...
