"""A phantom brain: synthetic neuropil with full ground truth."""

from data.synthetic.parameters import Imaging, PhantomParameters, Tissue
from data.synthetic.phantom import LAYERS, Phantom

__all__ = ["LAYERS", "Imaging", "Phantom", "PhantomParameters", "Tissue"]
