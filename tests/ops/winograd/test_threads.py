"""Any number of threads: no call waits for ever, and results have the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from ops.winograd import explain, plan

PROGRAM = Path(__file__).with_name("many_threads.py")


def run(threads: int, devices: int) -> tuple[str, list[str]]:
    """Threads that XLA had, and hashes of results, in a process of its own.

    XLA takes the number of its threads from NPROC, and has one for each device at least.
    """
    done = subprocess.run(
        [sys.executable, PROGRAM, str(devices)],
        env={**os.environ, "NPROC": str(threads)},
        capture_output=True,
        text=True,
        timeout=120,  # calls that have locked each other out do not end
    )
    assert done.returncode == 0, done.stderr
    found, *hashes = done.stdout.split()
    return found, hashes


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """By one thread: a kernel that waited for another would wait for ever."""
    found, hashes = run(1, 1)
    assert found in ("1", "unknown")
    return hashes


@pytest.mark.usefixtures("compiled")
def test_any_number_of_threads_gives_the_bits_of_one(alone):
    found, hashes = run(5, 2)
    assert found in ("5", "unknown")
    assert hashes == alone


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("size", "cin", "cout"), [((4, 14, 14), 16, 256), ((14, 14), 16, 512), ((4, 14, 14), 32, 64)]
)
def test_the_tile_that_is_chosen_does_not_depend_on_threads(monkeypatch, size, cin, cout):
    x = jax.ShapeDtypeStruct((1, *size, cin), jnp.float32)
    w = jax.ShapeDtypeStruct((*(3,) * len(size), cin, cout), jnp.float32)
    tiles = set()
    for threads in (1, 2, 4, 16):
        monkeypatch.setattr(plan.calls, "usable_threads", lambda threads=threads: threads)
        plan.make_plan.cache_clear()
        tiles.add(explain(x, w).tile)
    plan.make_plan.cache_clear()
    assert len(tiles) == 1
