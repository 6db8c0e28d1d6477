"""How fast tissue is generated, crops are augmented, and a trainer is fed."""

import dataclasses
import itertools
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import jax
import numpy as np

from configs.schema import BenchmarkRun, NamedData
from data.augment import NO_AUGMENTATION, augment_batch
from data.creating import create_volume
from data.datasets import snemi3d
from data.datasets.root import find_root
from data.sampling import crops
from data.synthetic import LAYERS, Phantom
from data.volume import Volume
from experiments.benchmarks.peers import augment_with_scipy, load_with_tifffile
from experiments.benchmarks.result import OURS, Result, take_turns
from experiments.report.census import blocks
from experiments.source import open_source, phantom_parameters

# What both sides do to every crop of the augmentation benchmark.
AUGMENTATION = dataclasses.replace(
    NO_AUGMENTATION,
    symmetry="anisotropic",
    elastic_probability=1.0,
    gamma_probability=1.0,
    contrast_probability=1.0,
    brightness_probability=1.0,
    noise_probability=1.0,
)
STORED_SHAPE = (64, 512, 512)  # at most, of the phantom that crops are drawn from
BATCHES = 10
log = logging.getLogger(__name__)
