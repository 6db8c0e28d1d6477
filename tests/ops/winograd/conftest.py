"""What the tests of the convolution share."""

import types

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ops.winograd.calls import register

DIMENSIONS = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


@pytest.fixture
def compiled():
    """Skips a test of the compiled kernels where they are not built."""
    if not register():
        pytest.skip("the C++ extension is not built")


def lax_conv(x, w, padding="SAME", dilation=1):
    rank = x.ndim - 2
    return lax.conv_general_dilated(
        x,
        w,
        (1,) * rank,
        padding,
        rhs_dilation=(dilation,) * rank,
        dimension_numbers=DIMENSIONS[rank],
    )


def exact_conv(x, w, pairs):
    """Convolution in float64, tap by tap."""
    x, w = np.asarray(x, np.float64), np.asarray(w, np.float64)
    x = np.pad(x, [(0, 0), *pairs, (0, 0)])
    kernel = w.shape[:-2]
    out = [n - k + 1 for n, k in zip(x.shape[1:-1], kernel, strict=True)]
    y = np.zeros((x.shape[0], *out, w.shape[-1]))
    for tap in np.ndindex(*kernel):
        part = tuple(slice(t, t + n) for t, n in zip(tap, out, strict=True))
        y += x[(slice(None), *part)] @ w[tap]
    return y


def exact_gradients(x, w, g, pairs):
    """Gradients of x and w in float64, tap by tap, where g is that of the result."""
    x, w, g = (np.asarray(a, np.float64) for a in (x, w, g))
    padded = np.pad(x, [(0, 0), *pairs, (0, 0)])
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for tap in np.ndindex(*w.shape[:-2]):
        part = (slice(None), *(slice(t, t + n) for t, n in zip(tap, g.shape[1:-1], strict=True)))
        dx[part] += g @ w[tap].T
        dw[tap] = padded[part].reshape(-1, w.shape[-2]).T @ g.reshape(-1, w.shape[-1])
    inner = [slice(lo, lo + n) for (lo, _), n in zip(pairs, x.shape[1:-1], strict=True)]
    return dx[(slice(None), *inner)], dw


def draw(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


def rms(found, expected):
    """Relative root mean square error."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())


@pytest.fixture
def oracle() -> types.SimpleNamespace:
    """Other ways to the same result, and how far it is off."""
    return types.SimpleNamespace(
        lax=lax_conv, exact=exact_conv, gradients=exact_gradients, draw=draw, rms=rms
    )
