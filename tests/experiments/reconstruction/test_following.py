"""Following regions through blocks: lost sections, labels that come and go, blocks of any size."""

from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from skimage import measure

from data.creating import create_volume
from data.normalisation import GreyScale
from data.synthetic import Phantom, PhantomParameters
from experiments.reconstruction.engine import run_blocks
from experiments.reconstruction.grid import Grid
from experiments.reconstruction.lost import describe_lost
from experiments.reconstruction.source import Origin
from experiments.reconstruction.stages import tracking
from experiments.reconstruction.stages.adjoining import read_graph
from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.cross_weights import save_cross_weights
from models.pretrained_weights import find_weights
from ops.segmentation.graph_sums import merge_graphs

SHAPE, CELL = (5, 48, 64), 16
SCALE = GreyScale(0.5, 0.25)
EVERYWHERE = 256  # a threshold that no boundary reaches


@pytest.fixture(autouse=True)
def like_a_user():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network that has learnt nothing."""
    path = tmp_path_factory.mktemp("weights") / "cross.npz"
    sizes = CrossArchitecture(letters=3, width=4, levels=1, reduction=2)
    network = CrossClassifier(sizes, rngs=nnx.Rngs(0))
    save_cross_weights(path, sizes, nnx.state(network, nnx.Param), {})
    return path


@pytest.fixture
def by_brightness(monkeypatch):
    """In place of a network, one that knows that neurites are as bright everywhere."""

    def follow(network, regions, source, target, length):
        step = network.architecture.reduction
        before, now = (views[::step, ::step, 0] for views in (source, target))
        found = np.zeros_like(regions)
        for region in np.unique(regions[regions > 0]):
            found[now == np.median(before[regions == region])] = region
        here = (regions > 0) & (before == now)
        return np.where(here, regions, found), np.full(found.shape, 255, np.uint8)

    monkeypatch.setattr(tracking, "follow", follow)


def neurites() -> np.ndarray:
    """Squares, the same in every section, from 1 on."""
    y, x = np.indices(SHAPE[1:]) // CELL
    return np.broadcast_to(1 + 4 * y + x, SHAPE).astype(np.uint64)


def bright(ids: np.ndarray) -> np.ndarray:
    return (ids / 16).astype(np.float32)


def pieces_of(ids: np.ndarray) -> np.ndarray:
    """Every neurite is a region of its own in each section: 100 z + its number."""
    z = 100 * np.arange(len(ids), dtype=np.uint64)[:, None, None]
    return np.where(ids > 0, ids + z, np.uint64(0))


def followed(weights, regions, grey):
    """Pairs of regions that belong together, by what following alone tells."""
    stage = tracking.Tracking((), Path(), Origin(b""), weights, SCALE, EVERYWHERE)
    seen = ~tracking.lost_sections(regions, grey)
    whole = Grid(SHAPE, SHAPE).blocks[0].inner_in_outer
    nothing = np.zeros(SHAPE, np.uint8)
    graph = merge_graphs(stage.followed(regions, nothing, grey, seen, whole))
    strengths = graph.across_sum / graph.across_count
    return {tuple(edge) for edge, s in zip(graph.edges.tolist(), strengths, strict=True) if s < 64}


def through(sections, ids) -> set[tuple[int, int]]:
    """The same neurites in pairs of sections."""
    return {(100 * low + i, 100 * high + i) for low, high in sections for i in ids}


@pytest.mark.usefixtures("by_brightness")
def test_neurites_are_followed_from_section_to_section(weights):
    ids = neurites()
    found = followed(weights, pieces_of(ids), bright(ids))
    assert found == through([(0, 1), (1, 2), (2, 3), (3, 4)], range(1, 13))


@pytest.mark.usefixtures("by_brightness")
@pytest.mark.parametrize("lost", ["image", "regions"])
def test_a_lost_section_is_bridged(weights, lost):
    ids = neurites()
    regions, grey = pieces_of(ids), bright(ids)
    (regions if lost == "regions" else grey)[2] = 0
    assert tracking.lost_sections(regions, grey).tolist() == [False, False, True, False, False]
    found = followed(weights, regions, grey)
    assert found == through([(0, 1), (1, 3), (3, 4)], range(1, 13))


@pytest.mark.usefixtures("by_brightness")
def test_two_lost_sections_side_by_side_are_not_bridged(weights):
    ids = neurites()
    grey = bright(ids)
    grey[1:3] = 0.3
    assert followed(weights, pieces_of(ids), grey) == through([(3, 4)], range(1, 13))


@pytest.mark.usefixtures("by_brightness")
def test_a_stack_that_shows_nothing_has_nothing_to_follow(weights):
    ids = neurites()
    assert followed(weights, pieces_of(ids), np.zeros(SHAPE, np.float32)) == set()
    assert followed(weights, np.zeros(SHAPE, np.uint64), bright(ids)) == set()


@pytest.mark.usefixtures("by_brightness")
def test_a_label_that_vanishes_and_returns_is_born_anew(weights):
    ids = neurites()
    ids[2][ids[2] == 6] = 5  # which grows into its place for a section
    found = followed(weights, pieces_of(ids), bright(ids))
    others = [i for i in range(1, 13) if i != 6]
    sections = [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert found == through(sections, others) | through([(0, 1), (3, 4)], [6])


@pytest.mark.usefixtures("by_brightness")
def test_a_neurite_that_divides_goes_on_in_both_parts(weights):
    ids = neurites()
    regions = pieces_of(ids)
    half = (ids[2] == 6) & (np.indices(SHAPE[1:])[0] % CELL < CELL // 2)
    regions[2][half] = 299
    found = followed(weights, regions, bright(ids))
    assert {(106, 206), (106, 299), (206, 306), (299, 306)} <= found


def test_an_untrained_network_breaks_nothing(weights):
    ids = neurites()
    regions = pieces_of(ids)
    regions[1, 1:] = 0  # its only region has no pixel that a painting shows
    regions[1, 0, 1:] = 0
    followed(weights, np.roll(regions, 1, axis=2), bright(ids))


def test_lost_sections_are_told():
    assert describe_lost([], 5) == []
    assert describe_lost([2], 5)[0].startswith("Section 2: nothing to follow there; bridged")
    both = describe_lost([0, 2, 5, 6], 8)
    assert both[0].startswith("Section 2: ") and "; bridged" in both[0]
    assert both[1].startswith("Sections 0, 5, 6: ") and "not bridged" in both[1]
    assert "not bridged" in describe_lost([0, 1], 2)[0]


# By a network that has learnt, on a phantom.


@pytest.fixture(scope="module")
def phantom():
    """Image, regions that end at faces of blocks and of cells, as supervoxels do, and borders."""
    shape = (3, 128, 64)
    volumes = Phantom(PhantomParameters(shape=shape, seed=5)).volumes()
    z, y, x = np.indices(shape)
    cells = 8 * (y // 64 * 4 + (y + 5 * z) // 24) + (x + 5 * z) // 24
    parts = 1000 * volumes["neurites"].read().astype(np.int64) + cells
    regions = np.stack([1000 * n + measure.label(part) for n, part in enumerate(parts)])
    boundary = np.where(volumes["membrane"].read() > 0, 255, 0)
    return volumes["image"], regions.astype(np.uint64), boundary.astype(np.uint8)


def graph_of(run, phantom, block_shape, monkeypatch):
    image, regions, boundary = phantom
    for name, voxels in (("supervoxels", regions), ("membrane", boundary)):
        volume = create_volume(
            str(run / f"{name}.zarr"),
            shape=regions.shape,
            dtype=voxels.dtype,
            voxel_size_nm=(30, 6, 6),
            chunk_shape=(1, 32, 32),
        )
        volume.write(voxels)
    monkeypatch.setattr(Origin, "image", lambda self: image)
    blocks, network = Grid(regions.shape, block_shape), find_weights("phantom/cross_classifier")
    scale, context = GreyScale(0.54, 0.18), (8, 32, 32)
    stage = tracking.stage(run, Origin(b""), blocks, (), network, scale, 128, context, [])
    run_blocks(stage, run, lambda attempt, todo: ((block, attempt(block)) for block in todo))
    assert tracking.read_lost(run, blocks.blocks) == []
    return read_graph(run, blocks.blocks)[0]


def test_blocks_tell_what_one_block_tells(tmp_path, phantom, monkeypatch):
    """But for how far they see beyond their faces: by 2 of 255 in the mean, as docs/tracking.md."""
    found = []
    for name, shape in (("whole", (3, 128, 64)), ("blocks", (3, 64, 64))):
        (tmp_path / name).mkdir()
        found.append(graph_of(tmp_path / name, phantom, shape, monkeypatch))
    whole, parts = (
        {
            tuple(edge): (pairs, strength / pairs)
            for edge, pairs, strength in zip(
                graph.edges.tolist(), graph.across_count, graph.across_sum, strict=True
            )
            if pairs
        }
        for graph in found
    )
    both = whole.keys() & parts.keys()
    pairs, strength = np.array([whole[edge] for edge in both]).T
    off = np.abs(strength - np.array([parts[edge][1] for edge in both]))
    assert len(both) > 100 and strength.min() < 64 and strength.max() > 192
    assert np.average(off, weights=pairs) < 2
    alone = [graph[edge][0] for graph in (whole, parts) for edge in graph.keys() - both]
    assert sum(alone) < 0.01 * pairs.sum()
