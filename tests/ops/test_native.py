"""The extension, and life without it."""

import sys
import warnings

import pytest

from ops import native


@pytest.fixture(autouse=True)
def forget():
    native.extension.cache_clear()
    yield
    native.extension.cache_clear()


def test_instruction_set_is_one_that_the_kernels_know():
    if native.extension() is None:
        pytest.skip("the C++ extension is not built on this machine")
    assert native.instruction_set() in {"avx512", "avx2", "x86-64", "neon", "generic"}


def test_without_the_extension_one_warning_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "ops._native", None)
    monkeypatch.delattr("ops._native", raising=False)
    with pytest.warns(RuntimeWarning, match="make setup"):
        assert native.extension() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native.instruction_set() == "not built"
