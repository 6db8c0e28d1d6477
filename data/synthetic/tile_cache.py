"""The last few tiles of a phantom, for readers on several threads."""

import collections
import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

Tile = tuple[int, int, int]
Layers = dict[str, np.ndarray]


class TileCache:
    """The last few tiles, each made once even when several threads ask for it."""

    def __init__(self, make: Callable[[Tile], Layers], size: int):
        self._make, self._size = make, size
        self._futures: collections.OrderedDict[Tile, Future[Layers]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Tile) -> Layers:
        """The tile's layers; raises what making it raised, to everyone who waits for it."""
        with self._lock:
            mine = key not in self._futures
            future = self._futures.setdefault(key, Future())
            if mine:
                while len(self._futures) > self._size:
                    self._futures.popitem(last=False)
            self._futures.move_to_end(key)
        if mine:
            try:
                future.set_result(self._make(key))
            except BaseException as error:
                with self._lock:
                    self._futures.pop(key, None)
                future.set_exception(error)
        return future.result()
