"""The C++ extension, where it could be built.

`extension()` is None where no compiler was at hand at installation; the project then runs on
plain JAX and NumPy, more slowly, and says so once.
"""

import functools
import warnings
from types import ModuleType


@functools.cache
def extension() -> ModuleType | None:
    """The compiled module `ops._native`, or None (with one warning) where it was not built."""
    try:
        from ops import _native
    except ImportError as error:
        warnings.warn(
            f"the C++ extension of neuropil is not built ({error}); running on plain JAX, more "
            "slowly. Once a C++17 compiler is installed, `rm .venv/ready && make setup` builds it.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return _native


def instruction_set() -> str:
    """Vector instruction set of the compiled kernels, or `not built`."""
    native = extension()
    return native.instruction_set() if native is not None else "not built"
