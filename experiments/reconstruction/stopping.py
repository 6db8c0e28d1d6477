"""SIGTERM and Ctrl-C end a reconstruction as an exception would: workers end, markers stay."""

import contextlib
import logging
import signal
from collections.abc import Generator
from types import FrameType

log = logging.getLogger(__name__)


@contextlib.contextmanager
def exit_on_signals() -> Generator[None]:
    """A context, of the main thread, in which the first signal raises SystemExit(128 + number).

    It is raised wherever the main thread is. That is safe where being killed is safe, and spares
    a wait of minutes for the block at hand. A second signal acts as it did before.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def leave(number: int, frame: FrameType | None) -> None:
        restore()
        name = signal.Signals(number).name
        log.warning("stopped by %s: the same command goes on with the blocks not done", name)
        raise SystemExit(128 + number)

    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        restore()
