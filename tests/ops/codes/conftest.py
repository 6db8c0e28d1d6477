"""Every test of decoding runs with the compiled kernel and without it."""

import pytest

from ops.codes import decode
from ops.native import extension


@pytest.fixture(params=["compiled", "plain"])
def kernels(request, monkeypatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(decode, "extension", lambda: None)
    elif extension() is None:
        pytest.skip("the C++ extension is not built")
    return request.param
