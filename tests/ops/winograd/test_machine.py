"""Other instruction sets, numbers of threads, and no compiled kernels at all."""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from ops.winograd import conv, explain, plan, winograd_conv

PROGRAM = """
import hashlib, os, sys
if sys.argv[1] == "one":
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
import jax, jax.numpy as jnp, numpy as np
from ops.native import extension
from ops.winograd import winograd_conv
rng = np.random.default_rng(0)
draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
x, w = draw(2, 9, 21, 22, 20), draw(3, 3, 3, 20, 33)
y = np.asarray(winograd_conv(x, w, tile=4))
np.save(sys.argv[2], y)
print(extension().winograd_kernels()[0])
"""


def run(tmp_path: Path, threads: str, **variables: str) -> tuple[str, np.ndarray]:
    """The convolution in a process of its own: name of its instruction set, and result."""
    path = tmp_path / f"{threads}{'-'.join(variables.values())}.npy"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, threads, str(path)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), np.load(path)


@pytest.mark.usefixtures("compiled")
def test_one_thread_gives_the_same_bits(tmp_path):
    results = [run(tmp_path, threads)[1] for threads in ("one", "all")]
    assert np.array_equal(results[0], results[1])


@pytest.mark.usefixtures("compiled")
def test_every_instruction_set_is_within_the_bound(tmp_path, oracle):
    name, best = run(tmp_path, "all")
    for wanted in ("avx2", "generic"):
        if wanted == "avx2" and name not in ("avx512", "avx2"):
            continue
        found, y = run(tmp_path, "all", NEUROPIL_ISA=wanted)
        assert found == wanted
        assert oracle.rms(y, best) < 3e-6


@pytest.mark.usefixtures("compiled")
def test_calls_from_several_threads_do_not_disturb_each_other(oracle, rng):
    x, w = oracle.draw(rng, 8, 1, 12, 13, 16), oracle.draw(rng, 3, 3, 16, 16)
    expected = [np.asarray(winograd_conv(image, w, tile=4)) for image in x]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            found = pool.map(lambda image: np.asarray(winograd_conv(image, w, tile=4)), x)
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_without_the_extension_it_is_the_convolution_of_xla(oracle, rng, monkeypatch, caplog):
    monkeypatch.setattr(plan.calls, "register", lambda: False)
    monkeypatch.setattr(conv, "_said", set())
    plan.make_plan.cache_clear()
    x, w = oracle.draw(rng, 1, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 8)
    assert explain(x, w).path == "lax"
    for _ in range(2):
        assert np.array_equal(winograd_conv(x, w), oracle.lax(x, w))
    gradient = jax.grad(lambda w: (winograd_conv(x, w) ** 2).sum())(w)
    assert oracle.rms(gradient, jax.grad(lambda w: (oracle.lax(x, w) ** 2).sum())(w)) < 1e-6
    assert (
        caplog.text.count("runs as lax.conv_general_dilated: the C++ extension is not built") == 1
    )
    plan.make_plan.cache_clear()
