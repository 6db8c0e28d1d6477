"""neuroglancer's server, on loopback, until it is stopped."""

import contextlib
import signal
import socket
from collections.abc import Generator

import neuroglancer
from neuroglancer import server

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def serving(state: neuroglancer.ViewerState, port: int) -> Generator[neuroglancer.Viewer]:
    """A viewer of a state, at the port given or any free one (0), for as long as the context is.

    Raises:
        ValueError: a port that cannot be had.
    """
    check_port(port)
    neuroglancer.set_server_bind_address(LOOPBACK, port)
    viewer = neuroglancer.Viewer()
    running = server.global_server
    assert running is not None  # the first viewer starts it
    try:
        viewer.set_state(state)
        yield viewer
    finally:
        neuroglancer.stop()
        running.executor.shutdown(cancel_futures=True)  # what is asked for and not yet read


def check_port(port: int) -> None:
    """Raises ValueError for a port that cannot be had."""
    if not 0 <= port < 2**16:
        raise ValueError(f"got port={port}; needs a number from 0 (any free one) to 65535")
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            trial.bind((LOOPBACK, port))
        except OSError as error:
            raise ValueError(
                f"got port={port}, which cannot be had ({error.strerror}); needs a free one: "
                "leave it out to take any"
            ) from None


@contextlib.contextmanager
def until_signal() -> Generator[None]:
    """Ctrl-C or SIGTERM, in the main thread, ends what is done within, as if it were done."""

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            for number in before:
                signal.signal(number, leave)
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
