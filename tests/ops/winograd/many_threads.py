"""Calls side by side, in loops, from threads and on shards; run by test_threads.py.

    many_threads.py DEVICES

Prints how many threads XLA has, where that can be seen, and hashes of results.
"""

import concurrent.futures
import functools
import hashlib
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from ops.winograd import winograd_conv

conv = functools.partial(winograd_conv, tile=4)
layer = functools.partial(conv, activation="relu")


@jax.jit
def gradients(x, w):
    return jax.grad(lambda x, w: (conv(x, w) ** 2).sum(), (0, 1))(x, w)


@jax.jit
def side_by_side(x, w):
    """Calls that do not depend on each other, and calls in a loop in a loop."""
    wide = [conv(jnp.roll(x, i, 2), w) for i in range(6)]

    def layers(_, x):
        return jax.lax.scan(lambda x, _: (layer(x, w), None), x, None, length=2)[0]

    return wide, jax.lax.fori_loop(0, 2, layers, x), jax.lax.map(lambda x: conv(x[None], w)[0], x)


def on_shards(x, w):
    """Both gradients by all devices, which wait for each other."""
    split, whole = PartitionSpec("batch"), PartitionSpec()

    def part(x, w):
        dx, dw = gradients(x, w)
        return dx, jax.lax.psum(dw, "batch")

    mesh, specs = Mesh(np.array(jax.devices("cpu")), ("batch",)), (split, whole)
    sharded = jax.shard_map(part, mesh=mesh, in_specs=specs, out_specs=specs, check_vma=False)
    return jax.jit(sharded)(x, w)


def same(found, expected):
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def hashes(*arrays):
    return [hashlib.sha256(np.asarray(array).tobytes()).hexdigest() for array in arrays]


def threads_of_xla():
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").glob("*")]
    return sum("XLAEigen" in name for name in names) or "unknown"


def main(devices):
    jax.config.update("jax_num_cpu_devices", devices)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 9, 21, 22, 20)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(3, 3, 3, 20, 20)) / 20, jnp.float32)
    once, (dx, dw) = conv(x, w), gradients(x, w)
    wide, deep, mapped = side_by_side(x, w)
    same(wide, [conv(jnp.roll(x, i, 2), w) for i in range(6)])
    same(deep, functools.reduce(lambda x, _: layer(x, w), range(4), x))
    same(mapped, once)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: gradients(x, w), range(16)):
            same(found, (dx, dw))
    of_shards = on_shards(x, w)
    same(of_shards[0], dx)
    np.testing.assert_allclose(of_shards[1], dw, rtol=1e-3, atol=1e-2)
    direct = winograd_conv(x[..., :2], w[..., :2, :])
    print(threads_of_xla(), *hashes(once, dx, deep, direct), sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
