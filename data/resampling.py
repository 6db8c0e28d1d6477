"""A volume at another voxel size, computed as it is read."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorstore as ts
from jaxtyping import Float64, Shaped
from scipy import ndimage

from data.volume import Volume, check_voxel_size

SAME = 0.01  # relative difference of two voxel sizes that are taken for one


def resampled(volume: Volume, voxel_size_nm: Sequence[int | float], *, labels: bool) -> Volume:
    """The volume on a grid of other voxels, which starts at the same corner.

    A voxel's value is that at its centre: of the nearest voxel for labels; for images linear
    between centres, after a Gaussian of half the lost resolution where voxels become larger.
    Axes whose voxel size differs by less than 1 % stay as they are.

    Args:
        volume: axes (z, y, x).
        voxel_size_nm: wanted, (z, y, x).
        labels: whether voxels are ids.

    Raises:
        ValueError: a voxel size that is not three positive lengths, or a volume with channels.
    """
    if len(volume.shape) != 3:
        raise ValueError(f"{volume.name}: got axes {volume.axes}; needs (z, y, x)")
    wanted = np.array(check_voxel_size(voxel_size_nm, volume.name))
    present = np.array(volume.voxel_size_nm)
    wanted = np.where(abs(wanted / present - 1) < SAME, present, wanted)
    shape = np.maximum(1, np.floor(volume.shape * present / wanted + 1e-6)).astype(int)
    store = ts.virtual_chunked(
        _Reader(volume, wanted / present, labels),
        dtype=volume.store.dtype,
        domain=ts.IndexDomain(shape=shape.tolist()),
        chunk_layout=ts.ChunkLayout(
            read_chunk_shape=np.minimum(volume.chunk_shape, shape).tolist()
        ),
    )
    z, y, x = wanted.tolist()
    a, b, c = np.rint(volume.offset * present / wanted).astype(int).tolist()
    return dataclasses.replace(volume, store=store, voxel_size_nm=(z, y, x), offset=(a, b, c))


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Fills a block of the resampled volume.

    Attributes:
        source: what is resampled.
        steps: source voxels per voxel, along (z, y, x).
        labels: whether voxels are ids.
    """

    source: Volume
    steps: Float64[np.ndarray, " 3"]
    labels: bool

    def __call__(
        self,
        domain: ts.IndexDomain,
        block: np.ndarray,
        parameters: ts.VirtualChunkedReadParameters,
    ) -> ts.Future:
        places = [
            (np.arange(low, low + size) + 0.5) * step - 0.5
            for low, size, step in zip(domain.origin, domain.shape, self.steps, strict=True)
        ]
        sigma = np.where(self.steps > 1, (self.steps - 1) / 2, 0.0)
        reach = np.ceil(4 * sigma).astype(int) + 1
        box = [
            slice(max(0, int(p[0]) - r), min(n, int(p[-1]) + r + 2))
            for p, r, n in zip(places, reach, self.source.shape, strict=True)
        ]
        done, future = ts.Promise.new()  # a future, not a wait: see data.mapped

        def finish(read: ts.Future) -> None:
            try:
                found = np.asarray(read.result())
                inside = [p - b.start for p, b in zip(places, box, strict=True)]
                block[...] = _taken(found, inside, sigma, self.labels)
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        self.source[tuple(box)].read_async().add_done_callback(finish)
        return future


def _taken(
    found: Shaped[np.ndarray, "..."], places: Sequence[np.ndarray], sigma, labels: bool
) -> Shaped[np.ndarray, "..."]:
    """Values at places along each axis, in voxels of the array."""
    if labels:
        nearest = [
            np.floor(p + 0.5).astype(int).clip(0, n - 1)
            for p, n in zip(places, found.shape, strict=True)
        ]
        return found[np.ix_(*nearest)]
    smooth = ndimage.gaussian_filter(found.astype(np.float32), sigma, mode="nearest")
    for axis, place in enumerate(places):
        clipped = place.clip(0, smooth.shape[axis] - 1)
        low = np.floor(clipped).astype(int)
        high = np.minimum(low + 1, smooth.shape[axis] - 1)
        others = tuple(other for other in range(3) if other != axis)
        share = np.expand_dims((clipped - low).astype(np.float32), others)
        smooth = smooth.take(low, axis) * (1 - share) + smooth.take(high, axis) * share
    if found.dtype.kind in "ui":
        return np.rint(smooth).astype(found.dtype)
    return smooth.astype(found.dtype)
