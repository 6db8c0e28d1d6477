"""A volume whose voxels are computed from another volume's, as they are read."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorstore as ts

from data.volume import Volume

# Of blocks read lately from training data: those of a small set are soon all decoded.
RECENT = ts.Context({"cache_pool": {"total_bytes_limit": 512 * 2**20}})


def remembered(volume: Volume) -> Volume:
    """The same volume, of which blocks read lately are kept decoded: for crops at random.

    All such volumes share half a gigabyte.
    """
    return dataclasses.replace(volume, store=_computed(volume, _same, volume.dtype, RECENT))


def _same(block: np.ndarray) -> np.ndarray:
    return block


def map_voxels(
    volume: Volume, function: Callable[[np.ndarray], np.ndarray], dtype: type[np.generic]
) -> Volume:
    """The volume with `function` applied to every block that is read; nothing is read now.

    Args:
        volume: the source of the voxels.
        function: array of any shape to array of that shape, voxel by voxel. A module-level
            function keeps the result picklable, for worker processes.
        dtype: NumPy dtype of what `function` returns.
    """
    return dataclasses.replace(volume, store=_computed(volume, function, np.dtype(dtype), None))


def _computed(volume, function, dtype: np.dtype, context: ts.Context | None) -> ts.TensorStore:
    return ts.virtual_chunked(
        _BlockReader(volume.store, function),
        dtype=dtype,
        domain=volume.store.domain,
        chunk_layout=ts.ChunkLayout(read_chunk_shape=volume.chunk_shape),
        context=context,
    )


@dataclasses.dataclass(frozen=True)
class _BlockReader:
    """Fills a block of the mapped volume from the same block of its source."""

    source: ts.TensorStore
    function: Callable[[np.ndarray], np.ndarray]

    def __call__(
        self,
        domain: ts.IndexDomain,
        block: np.ndarray,
        parameters: ts.VirtualChunkedReadParameters,
    ) -> ts.Future:
        # A future, not a wait: waiting here for the source can use up all of
        # TensorStore's threads, and then no read ever ends.
        done, future = ts.Promise.new()

        def finish(read: ts.Future) -> None:
            try:
                block[...] = self.function(np.asarray(read.result()))
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(None)

        self.source[domain].read().add_done_callback(finish)
        return future
