"""A phantom brain: synthetic neuropil with full ground truth."""

from data.synthetic.parameters import Imaging, PhantomParameters, Tissue
from data.synthetic.phantom import LAYERS, Phantom
from data.synthetic.writing import write_phantom

__all__ = ["LAYERS", "Imaging", "Phantom", "PhantomParameters", "Tissue", "write_phantom"]
