"""A phantom brain: synthetic neuropil with full ground truth."""

import importlib
from typing import TYPE_CHECKING, Any

from data.synthetic.parameters import Imaging, PhantomParameters, Tissue

if TYPE_CHECKING:
    from data.synthetic.phantom import LAYERS, Phantom
    from data.synthetic.writing import write_phantom

__all__ = ["LAYERS", "Imaging", "Phantom", "PhantomParameters", "Tissue", "write_phantom"]
MODULES = {"LAYERS": "phantom", "Phantom": "phantom", "write_phantom": "writing"}


def __getattr__(name: str) -> Any:
    """Loads what needs JAX once it is asked for: parameters and --help do without."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
