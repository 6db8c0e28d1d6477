"""Every test of segmentation runs with the compiled kernels and without them."""

import importlib

import pytest

from ops.native import extension

MODULES = ("agglomeration", "distance", "region_graph", "supervoxels", "watershed")


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def kernels(request, monkeypatch) -> None:
    if request.param == "plain":
        for name in MODULES:
            module = importlib.import_module(f"ops.segmentation.{name}")
            monkeypatch.setattr(module, "extension", lambda: None)
    elif extension() is None:
        pytest.skip("the C++ extension is not built")
    return request.param
