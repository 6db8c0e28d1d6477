"""One lattice cell of the phantom, from its sites to voxels: truth and ideal image.

Smooth fields (the warp, each neurite's presence) are evaluated on samples about 24 nm apart and
interpolated linearly; everything with an edge is computed per voxel. Lengths in nm, from the
cell's corner.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from data.synthetic.cell import MEMBRANE, MITOCHONDRION, Cell, Geometry, Rendered, Smooth
from data.synthetic.field import presence
from data.synthetic.interpolation import at_corners, corner_weights, interpolate, per_section
from data.synthetic.noise import smooth_noise, spline_weights
from data.synthetic.warp import RIPPLES_PER_CELL

RIPPLE_KNOTS = RIPPLES_PER_CELL + 4
RETICULUM_NM = 70.0
CRISTAE_NM = 48.0
WALL_SIGMA_NM = 6.0  # of a mitochondrion
MEMBRANE_SIGMA_NM = 8.5  # of the dark band, both leaflets together
MOST_SLOTS = 32  # neurites near one cell: at most one for each site near it
LEVEL_STEPS = 2.0**20  # 63 of them, with the slot below, still fit in 31 bits


def render_cells(cells: Cell, geometry: Geometry) -> Rendered:
    """Truth and noise-free image of several cells.

    XLA on CPU would fuse the stages and compute the early ones again for each of the late
    ones' outputs, five times slower; compiled one by one, each is computed once.
    """
    smooth, level, centre = _sample(cells, geometry)
    top, second = _search(level, geometry)
    distance, normal_z, half_voxel = _measure(top, second, centre, geometry)
    return _shade(cells, smooth, top, second, distance, normal_z, half_voxel, geometry)


def _stage(function):
    """Compiles a function of one cell's arrays (and the geometry, last) for many cells."""

    @functools.partial(jax.jit, static_argnums=-1)
    def over_cells(*arguments):
        *arrays, geometry = arguments
        return jax.vmap(lambda *one: function(*one, geometry))(*arrays)

    return functools.wraps(function)(over_cells)


@_stage
def _sample(cell: Cell, geometry: Geometry):
    """Samples of the smooth fields, the log presences, and each neurite's mean position."""
    points = _warped_samples(cell, geometry)
    level, mean = presence(
        points.reshape(1, 3, -1),
        cell.site[None],
        cell.log_weight[None],
        cell.member[None],
        geometry.spread_nm,
    )
    corners = [at_corners(m.reshape(-1, *geometry.samples), geometry) for m in mean[:, 0]]
    centre = jnp.stack([sum(c) * (1 / len(c)) for c in corners])
    smooth = Smooth(
        *_mitochondria(cell, points), _reticulum(cell, geometry), _from_synapses(cell, points)
    )
    return smooth, level.reshape(-1, *geometry.samples), centre


@_stage
def _search(level, geometry: Geometry):
    """The two most present neurites of each voxel.

    Level and slot are packed into one integer, so that the search is a running maximum.
    """
    weights, corners = corner_weights(geometry), at_corners(level, geometry)
    top = second = jnp.full(weights[0].shape[:1] + corners[0].shape[2:], -1, jnp.int32)
    for slot in range(level.shape[0]):
        value = sum(w * c[slot] for w, c in zip(weights, corners, strict=True))
        fixed = ((jnp.clip(value, -31, 31) + 32) * LEVEL_STEPS).astype(jnp.int32)
        packed = fixed * MOST_SLOTS + slot
        second = jnp.maximum(second, jnp.minimum(top, packed))
        top = jnp.maximum(top, packed)
    return top, second


@_stage
def _measure(top, second, centre, geometry: Geometry):
    """Distance to the membrane, its normal's z component, and half a voxel along it (nm)."""
    level = (top // MOST_SLOTS - second // MOST_SLOTS).astype(jnp.float32) / LEVEL_STEPS
    first, second = top % MOST_SLOTS, second % MOST_SLOTS
    between = [_of_slot(first, c) - _of_slot(second, c) for c in centre]
    length = jnp.sqrt(sum(b * b for b in between)) + 1e-6
    half_voxel = sum(0.5 * v * jnp.abs(b) for b, v in zip(between, geometry.voxel_nm, strict=True))
    distance = level * geometry.spread_nm**2 / length
    return distance, jnp.abs(between[0]) / length, half_voxel / length


@_stage
def _shade(
    cell: Cell, smooth: Smooth, top, second, distance, normal_z, half_voxel, geometry: Geometry
) -> Rendered:
    """Labels and intensity of each voxel."""
    first, second = top % MOST_SLOTS, second % MOST_SLOTS
    gap = geometry.extracellular_nm / 2
    depth = jnp.minimum(interpolate(smooth.mitochondrion, geometry), distance - gap - 22)
    cleft, density = _synapses(
        cell, smooth.from_synapse, first, second, distance, normal_z, half_voxel, geometry
    )
    tone, grain, label = (_of_slot(first, v) for v in (cell.tone, cell.grain, cell.label))
    blur = per_section(cell.blur, geometry)
    reticulum = interpolate(smooth.reticulum, geometry)
    tone -= 0.28 * reticulum * _soft(distance - 45, 8) * _soft(-depth - 20, 8)
    inside = _soft(depth, 3 + 0.5 * blur)
    stripe = _stripes(interpolate(smooth.along, geometry) / CRISTAE_NM) - 0.5
    # The point spread and the pixel wash out what is as fine as cristae.
    spread = blur**2 + geometry.voxel_nm[2] ** 2 / 12
    stripe *= jnp.exp(spread * (-2 * (np.pi / CRISTAE_NM) ** 2))
    width = WALL_SIGMA_NM**2 + blur**2
    wall = WALL_SIGMA_NM / jnp.sqrt(width) * jnp.exp(-0.5 * (depth - 3) ** 2 / width)
    tone += inside * (0.34 - 0.1 * stripe - tone) - jnp.where(depth > -20, 0.22 * wall, 0)
    tone = jnp.where(distance < gap, 0.66, tone)
    tone -= _membrane_darkness(distance, normal_z, blur, geometry) + density
    is_membrane = distance <= gap + jnp.maximum(geometry.membrane_nm / 2, half_voxel)
    flags = jnp.where(is_membrane, MEMBRANE, 0) + jnp.where(depth > 0, MITOCHONDRION, 0)
    return Rendered(
        neurite=jnp.where(distance < gap, jnp.uint32(0), label),
        flags=flags.astype(jnp.uint8),
        cleft=cleft,
        intensity=tone,
        grain=grain * (1 - 0.4 * inside),
    )


def _warped_samples(cell: Cell, geometry: Geometry) -> Float[Array, "3 z y x"]:
    """Lattice-space coordinates of the samples: warped, and shifted section by section."""
    share = [
        jnp.asarray(p / np.float32(c * v))
        for p, c, v in zip(geometry.places(), geometry.cell_voxels, geometry.voxel_nm, strict=True)
    ]
    weights = [spline_weights(t * RIPPLES_PER_CELL + 1, RIPPLE_KNOTS) for t in share]
    warp = jnp.einsum("zi,yj,xk,ijka->azyx", *weights, cell.ripples)
    linear = [jnp.stack([1 - t, t], -1) for t in share]
    warp += jnp.einsum("zi,yj,xk,ijka->azyx", *linear, cell.bend)
    grid = jnp.stack(jnp.meshgrid(*map(jnp.asarray, geometry.places()), indexing="ij"))
    shift = jnp.concatenate([jnp.zeros_like(cell.shift[:, :1]), cell.shift], 1)
    return grid + warp + shift.T[:, :, None, None]


def _reticulum(cell: Cell, geometry: Geometry) -> Float[Array, "z y x"]:
    """Endoplasmic reticulum, 0 to 1: thin sheets where a smooth field vanishes, here and there."""
    z, y, x = (
        (jnp.asarray(p) + c) / RETICULUM_NM
        for p, c in zip(geometry.places(), jnp.asarray(cell.corner), strict=True)
    )
    depth, height, width = (
        int(np.ceil(c * v / RETICULUM_NM)) + 5
        for c, v in zip(geometry.cell_voxels, geometry.voxel_nm, strict=True)
    )
    knots = (depth, height, width)
    sheet, where = (smooth_noise((z, y, x), knots, jnp.asarray(cell.seed) + i) for i in (1, 2))
    return jnp.exp(-((sheet / 0.3) ** 2)) * _soft(where - 0.85, 0.12)


def _of_slot(slot, values):
    """values[slot] per voxel, for a short list of values (numbers or rows of samples)."""
    result = jnp.zeros(slot.shape, values.dtype)
    for number in range(values.shape[0]):
        result = jnp.where(slot == number, values[number], result)
    return result


def _mitochondria(cell: Cell, points) -> tuple[Float[Array, "z y x"], Float[Array, "z y x"]]:
    """Depth (nm) of the samples inside mitochondria, negative outside, and their cristae, 0 to 1.

    A capsule keeps clear of its neurite's membrane, so it need not be told whose it is.
    """
    depth = jnp.full_like(points[0], -1e3)
    along = jnp.zeros_like(depth)
    for m in range(cell.capsule_radius.shape[0]):
        start, axis = cell.capsule_start[m], cell.capsule_stop[m] - cell.capsule_start[m]
        length = jnp.sqrt(jnp.sum(axis * axis)) + 1e-6
        offset = [p - s for p, s in zip(points, start, strict=True)]
        t = sum(o * a for o, a in zip(offset, axis, strict=True)) / length**2
        t = jnp.clip(t, 0, 1)
        away = sum((o - t * a) ** 2 for o, a in zip(offset, axis, strict=True))
        inside = cell.capsule_radius[m] - jnp.sqrt(away)
        along = jnp.where(inside > depth, t * length + 0.5 * offset[2], along)
        depth = jnp.maximum(depth, inside)
    return depth, along


def _stripes(phase):
    """A smooth wave from 0 to 1 of period 1 (XLA on CPU has no vector cosine)."""
    t = jnp.abs(phase - jnp.round(phase)) * 2
    return t * t * (3 - 2 * t)


def _from_synapses(cell: Cell, points) -> Float[Array, "s z y x"]:
    offset = points[None] - cell.synapse_centre[..., None, None, None]
    return jnp.sqrt(jnp.sum(offset * offset, axis=1))


def _synapses(cell: Cell, from_synapse, first, second, distance, normal_z, half_voxel, geometry):
    """Label of the synapse whose cleft holds the voxel (0: none), and the darkness it adds."""
    label = jnp.zeros(first.shape, jnp.uint32)
    darkness = jnp.zeros_like(distance)
    gap = geometry.extracellular_nm / 2
    # At least a voxel deep on both sides, so that a cleft always touches both partners.
    in_band = distance <= gap + jnp.maximum(geometry.cleft_nm / 2, 2 * half_voxel)
    slab = (normal_z * geometry.voxel_nm[0]) ** 2 / 12
    for s in range(cell.synapse_radius.shape[0]):
        pre, post = cell.synapse_pre[s], cell.synapse_post[s]
        pair = ((first == pre) & (second == post)) | ((first == post) & (second == pre))
        away = interpolate(from_synapse[s], geometry)
        disc = jnp.where(pair, _soft(cell.synapse_radius[s] - away, 6), 0)
        label = jnp.where(in_band & (disc > 0.5), cell.synapse_label[s], label)
        # The postsynaptic density is thicker than the presynaptic one.
        depth = jnp.where(first == post, distance - gap - 8, -distance + gap - 4)
        sharp = jnp.where(first == post, 15.0**2, 7.0**2)
        band = jnp.sqrt(sharp / (sharp + slab)) * jnp.exp(-0.5 * depth**2 / (sharp + slab))
        darkness += 0.30 * disc * band
    return label, darkness


def _membrane_darkness(distance, normal_z, blur, geometry):
    """A Gaussian band, blurred in the plane and smeared across the thickness of the section."""
    slab = (normal_z * geometry.voxel_nm[0]) ** 2 / 12
    smeared = MEMBRANE_SIGMA_NM**2 + blur**2 + slab
    gap = geometry.extracellular_nm / 2
    bands = jnp.exp(-0.5 * (distance - gap) ** 2 / smeared)
    if gap > 0:
        bands += jnp.exp(-0.5 * (distance + gap) ** 2 / smeared)
    return geometry.membrane_contrast * MEMBRANE_SIGMA_NM / jnp.sqrt(smeared) * bands


def _soft(depth, width):
    """0 to 1 across a soft edge of the given width (nm) at depth 0."""
    return jax.nn.sigmoid(depth * (2 / width))
