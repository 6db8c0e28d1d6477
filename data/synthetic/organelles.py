"""Mitochondria and synapses: what lies in the phantom's neurites and between them."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from data.synthetic import field
from data.synthetic.growth import Kind
from data.synthetic.neurites import Neurites
from data.synthetic.parameters import Tissue

MITOCHONDRION_NM = (85.0, 145.0)  # radius
MITOCHONDRION_WALL_NM = 35.0  # cytoplasm left between it and the membrane
SYNAPSE_NM = (80.0, 150.0)  # radius of the cleft
SYNAPSES_APART_NM = 300.0
BATCH = 256  # synapses whose vesicles are tried at once
VESICLE_NM = 21.0  # radius
VESICLE_GRID_NM = 48.0
CLOUD_NM = 330.0  # how far vesicles lie from the cleft
FEWEST_VESICLES = 8
ACROSS_CONTACT = np.linspace(0.1, 0.9, 17)


@dataclasses.dataclass(frozen=True)
class Mitochondria:
    """Capsules (lattice space, nm) between two neighbouring sites of one neurite."""

    start: Float[np.ndarray, "n 3"]
    stop: Float[np.ndarray, "n 3"]
    radius: Float[np.ndarray, " n"]
    site: Int[np.ndarray, "n 2"]


@dataclasses.dataclass(frozen=True)
class Synapses:
    """Synapses (lattice space, nm); synapse i has label i + 1.

    Attributes:
        pre, post: owners on either side.
        centre: middle of the cleft, on the membrane between them.
        normal: unit vector across the cleft, into the presynaptic side.
        radius: of the cleft's disc.
        site: the presynaptic site.
    """

    pre: Int[np.ndarray, " n"]
    post: Int[np.ndarray, " n"]
    centre: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    radius: Float[np.ndarray, " n"]
    site: Int[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Vesicles:
    """Vesicle centres (lattice space, nm) and the index of the synapse each belongs to."""

    centre: Float[np.ndarray, "n 3"]
    synapse: Int[np.ndarray, " n"]


def make_mitochondria(neurites: Neurites, tissue: Tissue, rng: np.random.Generator) -> Mitochondria:
    """Fills a share of the wide stretches of the trees, in runs of neighbouring edges."""
    edges, clearance = neurites.edges, neurites.clearance_nm
    room = clearance - MITOCHONDRION_WALL_NM
    wide = (room > 0.7 * MITOCHONDRION_NM[0]) & (
        neurites.kind[neurites.owner[edges[:, 0]]] != Kind.GLIA
    )
    chosen = wide & (rng.random(len(edges)) < 0.2 * tissue.mitochondria)
    for _ in range(3):  # each run grows by its neighbours
        touched = np.isin(edges, np.unique(edges[chosen])).any(1)
        chosen |= wide & touched & (rng.random(len(edges)) < tissue.mitochondria)
    radius = np.minimum(room, rng.uniform(*MITOCHONDRION_NM, len(edges)))[chosen]
    start, stop = (neurites.lattice.positions[edges[chosen, side]] for side in (0, 1))
    return Mitochondria(start, stop, radius.astype(np.float32), edges[chosen])


def make_synapses(
    neurites: Neurites,
    contacts: Int[np.ndarray, "contacts 2"],
    tissue: Tissue,
    volume_um3: float,
    mitochondria: Mitochondria,
    rng: np.random.Generator,
) -> tuple[Synapses, Vesicles]:
    """Synapses at contacts where both partners meet, each with a cloud of vesicles.

    A contact is passed over where a third neurite comes between, where another synapse is
    near, or where the bouton has no room for vesicles.
    """
    pre, post = neurites.owner[contacts].T
    centre, normal, meets = _membrane_between(neurites, contacts, pre, post)
    # Sites may have changed hands since the contacts were chosen.
    meets &= (neurites.kind[pre] == Kind.AXON) & (neurites.kind[post] != Kind.GLIA)
    near = KDTree(centre).query_pairs(SYNAPSES_APART_NM, output_type="ndarray")
    near = near[meets[near].all(1)]
    meets[near.max(1)] = False  # the earlier of two stays
    wanted = rng.poisson(tissue.synapses_per_um3 * volume_um3)
    radius = rng.uniform(*SYNAPSE_NM, len(contacts))
    candidates = Synapses(pre, post, centre, normal, radius, contacts[:, 0])
    kept = np.flatnonzero(meets)
    synapses, vesicles = _rows(candidates, kept[:0]), _no_vesicles()
    for start in range(0, len(kept), BATCH):
        if len(synapses.pre) >= wanted:
            break
        tried = _rows(candidates, kept[start : start + BATCH])
        clouds = _make_vesicles(neurites, tried, tissue, mitochondria, rng)
        count = np.bincount(clouds.synapse, minlength=len(tried.pre))
        tried, clouds = _select(tried, clouds, np.flatnonzero(count >= FEWEST_VESICLES))
        vesicles = Vesicles(
            np.concatenate([vesicles.centre, clouds.centre]),
            np.concatenate([vesicles.synapse, clouds.synapse + len(synapses.pre)]),
        )
        synapses = _joined(synapses, tried)
    chosen = np.arange(min(wanted, len(synapses.pre)))
    return _select(synapses, vesicles, chosen[np.argsort(synapses.site[chosen], kind="stable")])


def _membrane_between(neurites, contacts, pre, post):
    """Where the line between two sites crosses their membrane, its normal, and whether it does."""
    positions = neurites.lattice.positions
    start, stop = positions[contacts[:, 0]], positions[contacts[:, 1]]
    line = start + ACROSS_CONTACT[:, None, None] * (stop - start)
    flat = field.at_points(
        line.reshape(-1, 3), neurites.lattice, neurites.owner, neurites.log_weight
    )
    owner, _, distance, normal = (
        column.reshape(len(ACROSS_CONTACT), len(contacts), *column.shape[1:]) for column in flat
    )
    last_pre = (owner == pre).cumprod(0).sum(0) - 1
    meets = (last_pre >= 0) & (last_pre < len(ACROSS_CONTACT) - 1) & (pre >= 0) & (post >= 0)
    before = np.clip(last_pre, 0, len(ACROSS_CONTACT) - 2)
    columns = np.arange(len(contacts))
    after = before + 1
    meets &= owner[after, columns] == post
    # No membrane in reach counts as far away.
    inside, outside = (np.minimum(distance[at, columns], 1e6) for at in (before, after))
    share = inside / np.maximum(inside + outside, 1e-6)
    t = ACROSS_CONTACT[before] + share * (ACROSS_CONTACT[after] - ACROSS_CONTACT[before])
    centre, inward = start + t[:, None] * (stop - start), normal[before, columns]
    for partner, other, depth in ((pre, post, 12.0), (post, pre, -12.0)):
        owner, second, *_ = field.at_points(
            centre + depth * inward, neurites.lattice, neurites.owner, neurites.log_weight
        )
        meets &= (owner == partner) & (second == other)
    return centre, inward, meets


def _make_vesicles(neurites, synapses, tissue, mitochondria, rng) -> Vesicles:
    """Jittered points of a turned grid around each cleft, where the bouton has room for them."""
    axis = np.arange(-CLOUD_NM, CLOUD_NM + 1, VESICLE_GRID_NM)
    grid = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    grid = grid[np.linalg.norm(grid, axis=1) < CLOUD_NM]
    count = len(synapses.pre)
    turns = Rotation.random(count, rng=rng).as_matrix() if count else np.zeros((0, 3, 3))
    points = np.einsum("nij,gj->ngi", turns, grid)
    points = points + rng.uniform(-4, 4, points.shape)
    depth = np.einsum("ngi,ni->ng", points, synapses.normal)
    reach = np.linalg.norm(points, axis=-1)
    # Denser towards the cleft, none in its own band.
    keep = (depth > 35) & (rng.random(depth.shape) < 1.5 - reach / CLOUD_NM)
    order = np.where(keep, reach + 60 * rng.random(reach.shape), np.inf).argsort(1).argsort(1)
    keep &= order < rng.poisson(2 * tissue.vesicles_per_synapse, (count, 1))
    synapse, _ = np.nonzero(keep)
    centre = points[keep] + synapses.centre[synapse]
    owner, _, distance, _ = field.at_points(
        centre, neurites.lattice, neurites.owner, neurites.log_weight
    )
    fits = (owner == synapses.pre[synapse]) & (distance > VESICLE_NM + 12)
    fits &= _depth_in_mitochondria(centre, mitochondria) < -VESICLE_NM - 10
    return Vesicles(centre[fits], synapse[fits])


def _depth_in_mitochondria(points, mitochondria) -> Float[np.ndarray, " n"]:
    """How deep (nm) points lie inside the nearest mitochondria; negative outside."""
    if not len(mitochondria.radius) or not len(points):
        return np.full(len(points), -np.inf)
    middle = (mitochondria.start + mitochondria.stop) / 2
    _, index = KDTree(middle).query(points, k=min(6, len(middle)))
    index = index.reshape(len(points), -1)
    start, along = mitochondria.start[index], (mitochondria.stop - mitochondria.start)[index]
    offset = points[:, None] - start
    t = np.clip((offset * along).sum(-1) / (along * along).sum(-1), 0, 1)
    away = np.linalg.norm(offset - t[..., None] * along, axis=-1)
    return (mitochondria.radius[index] - away).max(1)


def _select(synapses, vesicles, chosen) -> tuple[Synapses, Vesicles]:
    """The chosen synapses, renumbered in that order, with their vesicles."""
    number = np.full(len(synapses.pre), -1)
    number[chosen] = np.arange(len(chosen))
    kept = number[vesicles.synapse] >= 0
    return _rows(synapses, chosen), Vesicles(vesicles.centre[kept], number[vesicles.synapse][kept])


def _rows(synapses, rows) -> Synapses:
    columns = (getattr(synapses, f.name)[rows] for f in dataclasses.fields(Synapses))
    return Synapses(*columns)


def _joined(first, second) -> Synapses:
    names = (f.name for f in dataclasses.fields(Synapses))
    return Synapses(*(np.concatenate([getattr(first, n), getattr(second, n)]) for n in names))


def _no_vesicles() -> Vesicles:
    return Vesicles(np.zeros((0, 3)), np.zeros(0, int))
