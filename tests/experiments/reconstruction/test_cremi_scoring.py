"""Synapses against the partners of a CREMI file, written here in the published layout."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from configs.sources import NamedData
from data.creating import create_volume
from data.datasets.loading import load
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.listing import CLEFTS
from experiments.reconstruction.synapse_scoring import score_synapses, true_sites
from ops.synapses.table import Synapses

SIZE_NM = np.array([40.0, 4.0, 4.0])
NONE = 0xFFFF_FFFF_FFFF_FFFF
PRE = np.array([[10, 100, 60], [40, 300, 60], [70, 500, 60], [110, 100, 60]])  # voxels
POST = PRE + np.array([0, 0, 80])


def truth() -> tuple[np.ndarray, np.ndarray]:
    """Eight neurites, in pairs beside each other, and a cleft between each pair."""
    neurites = np.full((125, 620, 200), 9, np.uint64)
    clefts = np.full(neurites.shape, NONE, np.uint64)
    for number, (z, y, x) in enumerate(PRE):
        box = slice(z - 5, z + 5), slice(y - 40, y + 40)
        neurites[*box, x - 40 : x + 40] = 2 * number + 1
        neurites[*box, x + 40 : x + 120] = 2 * number + 2
        clefts[z - 1 : z + 2, y - 20 : y + 20, x + 37 : x + 43] = number + 1
    return neurites, clefts


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    (folder / "cremi").mkdir()
    neurites, clefts = truth()
    with h5py.File(folder / "cremi" / "sample_A_20160501.hdf", "w") as file:
        volumes = {"raw": neurites.astype(np.uint8), "labels/neuron_ids": neurites}
        for name, voxels in (volumes | {"labels/clefts": clefts}).items():
            made = file.create_dataset(f"volumes/{name}", data=voxels, compression="gzip")
            made.attrs["resolution"] = SIZE_NM
        pre, post = np.arange(4, dtype=np.uint64) + 10, np.arange(4, dtype=np.uint64) + 20
        file["annotations/ids"] = np.concatenate([pre, post])
        file["annotations/locations"] = np.concatenate([PRE, POST]) * SIZE_NM
        file["annotations/types"] = [b"presynaptic_site"] * 4 + [b"postsynaptic_site"] * 4
        file["annotations/presynaptic_site/partners"] = np.stack([pre, post], axis=1)
    return folder


def run_directory(folder: Path) -> Path:
    """One whose segments and clefts are the true ones, under other names."""
    neurites, clefts = truth()
    found = {SEGMENTATION: neurites + np.uint64(100), CLEFTS: np.where(clefts == NONE, 0, clefts)}
    for name, voxels in found.items():
        volume = create_volume(
            str(folder / name), shape=voxels.shape, dtype=np.uint64, voxel_size_nm=(40.0, 4.0, 4.0)
        )
        volume.write(voxels.astype(np.uint64))
    return folder


def table(flipped: int = 0, missed: int = 0) -> Synapses:
    """The true synapses: the first `flipped` the other way round, without the last `missed`."""
    ids = np.arange(4, dtype=np.uint64)
    pre, post = 2 * ids + np.uint64(101), 2 * ids + np.uint64(102)
    places = PRE * SIZE_NM, POST * SIZE_NM
    turned = (ids < flipped)[:, None]
    voxels = np.full(4, 720)
    rows = Synapses(
        id=ids + np.uint64(1),
        pre=np.where(turned[:, 0], post, pre),
        post=np.where(turned[:, 0], pre, post),
        place_nm=(places[0] + places[1]) / 2,
        pre_nm=np.where(turned, places[1], places[0]),
        post_nm=np.where(turned, places[0], places[1]),
        size_voxels=voxels,
        vesicles_pre=voxels,
        vesicles_post=0 * voxels,
        polarity_confidence=np.ones(4, np.float32),
        at_edge=np.zeros(4, bool),
    )
    return rows.where(np.arange(4) < 4 - missed)


def scores(root: Path, run: Path, rows: Synapses) -> dict[str, float | None]:
    data = NamedData(name="cremi", root=str(root))
    layers = load("cremi", str(root), "all").volumes[0]
    found = score_synapses(run, rows, dict(layers), true_sites(data, 0), on_truth=False)
    return {metric.key: metric.value for metric in found}


def test_true_synapses_score_one_and_lost_or_turned_ones_less(root, tmp_path):
    run = run_directory(tmp_path)
    perfect = scores(root, run, table())
    assert perfect["one_to_one/synapse_f1"] == 1
    assert perfect["cremi2016/partner_f1"] == 1
    assert perfect["neuropil_polarity_v1/partner_polarity_accuracy"] == 1
    assert perfect["neuropil_graph_v1/edge_min1_f1"] == 1
    missed = scores(root, run, table(missed=1))
    assert missed["cremi2016/partner_f1"] == pytest.approx(6 / 7)
    assert missed["neuropil_graph_v1/edge_min1_f1"] == pytest.approx(6 / 7)
    turned = scores(root, run, table(flipped=1))
    assert turned["cremi2016/partner_f1"] == pytest.approx(3 / 4)
    assert turned["neuropil_polarity_v1/partner_polarity_accuracy"] == pytest.approx(3 / 4)
