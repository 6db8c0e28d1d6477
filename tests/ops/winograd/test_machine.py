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
import sys
import jax, jax.numpy as jnp, numpy as np
from ops.native import extension
from ops.winograd import winograd_conv
rng = np.random.default_rng(0)
draw = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
x, w, g = draw(2, 9, 21, 22, 20), draw(3, 3, 3, 20, 33), draw(2, 9, 21, 22, 33)
y, back = jax.vjp(lambda x, w: winograd_conv(x, w, tile=4), x, w)
dx, dw = back(g)
direct = winograd_conv(x[..., :2], w[..., :2, :], activation="gelu")
np.savez(sys.argv[1], y=y, dx=dx, dw=dw, direct=direct)
print(extension().winograd_kernels()[0])
"""


def run(path: Path, **variables: str) -> subprocess.CompletedProcess:
    """Convolutions in a process of its own, which prints the name of its instruction set."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, path],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def by_default(tmp_path_factory) -> tuple[str, dict[str, np.ndarray]]:
    """The instruction set of this machine, and its results."""
    path = tmp_path_factory.mktemp("default") / "results.npz"
    done = run(path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), dict(np.load(path))


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("wanted", "others"), [("avx2", {}), ("generic", {"NEUROPIL_NO_HUGE_PAGES": "1"})]
)
def test_every_instruction_set_is_within_the_bound(tmp_path, oracle, by_default, wanted, others):
    name, best = by_default
    if wanted == "avx2" and name not in ("avx512", "avx2"):
        pytest.skip("this machine has no AVX2")
    done = run(tmp_path / "results.npz", NEUROPIL_ISA=wanted, **others)
    assert (done.returncode, done.stdout.strip()) == (0, wanted), done.stderr
    for result, found in np.load(tmp_path / "results.npz").items():
        assert oracle.rms(found, best[result]) < 3e-6, result


@pytest.mark.usefixtures("compiled")
def test_an_instruction_set_that_is_not_there_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "from ops import native; native.extension().winograd_kernels()"],
        env={**os.environ, "NEUROPIL_ISA": "sse9"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "NEUROPIL_ISA=sse9 is not built or does not run on this CPU; needs" in done.stderr


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
