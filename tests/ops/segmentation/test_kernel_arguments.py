"""The kernels themselves refuse what would make them leave their arrays."""

import numpy as np
import pytest

from ops.native import extension

LABELS = np.ones((2, 3, 4), np.uint32)
HEIGHT = np.ones((2, 3, 4), np.uint8)
ENDS, FACES, ONES = np.array([[0, 1]], np.uint32), np.ones(1, np.int64), np.ones(1)
WHOLE = ((0, 2), (0, 3), (0, 4))

CALLS = {
    "boundary_distance": (HEIGHT, np.ones((2, 3, 5), np.float32), (1.0, 1.0, 1.0), True, 1),
    "label_maxima": (np.ones((2, 3, 5), np.float32), LABELS, True, 1),
    "watershed": (HEIGHT, LABELS[:1], None, True, 1),
    "boundary_graph": (LABELS, HEIGHT, ((0, 2), (0, 3), (0, 5)), 1),
    "affinity_graph": (LABELS, np.ones((2, 3, 4, 2), np.uint8), [(0, 0, -1)], WHOLE, 1),
    "agglomerate_mean": (1, ENDS, FACES, ONES, ONES),
    "agglomerate_quantile": (2, ENDS, FACES, np.ones((1, 15), np.uint32), 0.5),
}


@pytest.mark.parametrize("name", CALLS)
def test_arrays_that_do_not_fit_are_refused(name):
    native = extension()
    if native is None:
        pytest.skip("the C++ extension is not built")
    with pytest.raises(ValueError):
        getattr(native, name)(*CALLS[name])


@pytest.mark.parametrize("array", [LABELS.astype(np.int32), LABELS.swapaxes(0, 1)])
def test_arrays_are_never_copied_on_the_way(array):
    native = extension()
    if native is None:
        pytest.skip("the C++ extension is not built")
    with pytest.raises(TypeError):
        native.watershed(np.ones(array.shape, np.uint8), array, None, True, 1)
