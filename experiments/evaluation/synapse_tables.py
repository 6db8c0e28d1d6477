"""Tables of synapses, as CSV or in CREMI's HDF5 files."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt64

from data.cremi import read_partners

Row = dict[str, str]
HDF5 = (".h5", ".hdf", ".hdf5")


def read_rows(path: str, columns: Sequence[str]) -> list[Row]:
    """The rows of a CSV file that has the columns named.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: a file that is no table.
    """
    # Excel begins its files with a byte-order mark.
    with Path(path).open(newline="", encoding="utf-8-sig") as stream:
        try:
            reader = csv.DictReader(stream)
            header, rows = reader.fieldnames, list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(
                f"{path}: got no CSV table ({error}); needs one with a header"
            ) from error
    if header is None:
        raise ValueError(f"{path}: got an empty file; needs a table with a header")
    if missing := [name for name in columns if name not in header]:
        raise ValueError(
            f"{path}: got columns {', '.join(header)}; needs {', '.join(missing)} as well"
        )
    return rows


def read_ids(path: str, columns: Sequence[str]) -> UInt64[np.ndarray, "rows columns"]:
    """Ids in the columns named, one row a synapse."""
    if path.endswith(HDF5):
        raise ValueError(f"{path}: HDF5 files hold no neuron ids; needs task.segmentation=PATH")
    return _column_values(path, columns, int, np.uint64)


def read_sites(path: str) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]]:
    """Presynaptic and postsynaptic sites (z, y, x), in nm.

    Args:
        path: CSV with columns pre_z_nm, pre_y_nm, pre_x_nm, post_z_nm, post_y_nm, post_x_nm, or
            an HDF5 file as CREMI's (.h5, .hdf, .hdf5).
    """
    if path.endswith(HDF5):
        partners = read_partners(path)
        return partners.pre_zyx_nm, partners.post_zyx_nm
    pre, post = ([f"{side}_{axis}_nm" for axis in "zyx"] for side in ("pre", "post"))
    sites = _column_values(path, [*pre, *post], float, np.float64)
    return sites[:, :3], sites[:, 3:]


def _column_values(path, columns, kind, dtype):
    rows = read_rows(path, columns)
    try:
        values = [[kind(row[name]) for name in columns] for row in rows]
        return np.array(values, dtype).reshape(-1, len(columns))
    except (TypeError, ValueError, OverflowError) as error:
        needed = "whole numbers >= 0" if dtype is np.uint64 else "numbers"
        raise ValueError(f"{path}: {error}; needs {needed} in {', '.join(columns)}") from error
