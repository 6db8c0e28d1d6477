"""Augmentation of EM crops in JAX: image and labels together, keyed and jitted."""

from data.augment.pipeline import augment, augment_batch
from data.augment.settings import NO_AUGMENTATION, Augmentation

__all__ = ["NO_AUGMENTATION", "Augmentation", "augment", "augment_batch"]
