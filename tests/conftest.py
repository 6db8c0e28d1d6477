"""Strict JAX for every test, and where the real datasets lie."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 2)

DATA_ROOT = Path(os.environ.get("NEUROPIL_DATA", Path(__file__).parents[2] / "shared/data"))


@pytest.fixture
def data_root() -> Path:
    """Folder of the real datasets; the test is skipped where it is absent."""
    if not DATA_ROOT.is_dir():
        pytest.skip(f"real data not found at {DATA_ROOT} (set NEUROPIL_DATA)")
    return DATA_ROOT.resolve()
