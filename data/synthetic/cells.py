"""Everything a tile's cells need from the tissue, gathered into padded arrays."""

import dataclasses
import functools
import itertools

import numpy as np
from jaxtyping import Float, Int

from data.synthetic import field
from data.synthetic.cell import Cell, Geometry
from data.synthetic.defects import Sections
from data.synthetic.growth import Kind
from data.synthetic.lattice import Lattice, site_coordinates, site_index
from data.synthetic.neurites import Neurites
from data.synthetic.organelles import Mitochondria, Synapses
from data.synthetic.rendering import RIPPLE_KNOTS
from data.synthetic.warp import RIPPLES_PER_CELL, Warp

TONE = {Kind.DENDRITE: 0.66, Kind.AXON: 0.61, Kind.GLIA: 0.69}
GRAIN = {Kind.DENDRITE: 0.9, Kind.AXON: 1.25, Kind.GLIA: 0.6}
CHUNK = 16_384
AROUND = np.array(list(itertools.product((-1, 0, 1, 2), repeat=3)))
NEAR = 32  # sites: more than can lie close enough to a cell to shape the neurites in it


@dataclasses.dataclass(frozen=True)
class CellGatherer:
    """Looks up, for any cells of the lattice, what can reach their voxels."""

    lattice: Lattice
    neurites: Neurites
    mitochondria: Mitochondria
    synapses: Synapses
    sections: Sections
    warp: Warp
    geometry: Geometry
    seed: int

    @functools.cached_property
    def tone(self) -> Float[np.ndarray, " neurites"]:
        """Grey value of each neurite's cytoplasm."""
        rng = np.random.default_rng([self.seed, 7])
        return _by_kind(self.neurites.kind, TONE) + 0.06 * rng.normal(size=len(self.neurites.kind))

    @functools.cached_property
    def capsules_at(self) -> Int[np.ndarray, "sites n"]:
        """Mitochondrial capsules that end at each site, padded with -1."""
        sites = self.mitochondria.site
        index = np.repeat(np.arange(len(sites)), 2)
        return _group(sites.reshape(-1), index, len(self.lattice.positions))

    @functools.cached_property
    def synapses_at(self) -> Int[np.ndarray, "sites n"]:
        """Synapses whose centre lies in each site's cell, padded with -1."""
        cell = np.floor(self.synapses.centre / self.lattice.cell_nm).astype(int)
        cell = np.clip(cell, 0, np.array(self.lattice.shape) - 1)
        index = np.arange(len(cell))
        return _group(site_index(cell, self.lattice.shape), index, len(self.lattice.positions))

    @functools.cached_property
    def widths(self) -> tuple[int, int, int]:
        """Most neurites, capsules and synapses near any cell, rounded up to fours."""
        most = np.zeros(3, int)
        depth, height, width = self.lattice.shape
        grid = (depth + 1, height + 1, width + 1)  # a last cell may have no site
        for start in range(0, np.prod(grid), CHUNK):
            cells = np.arange(start, min(start + CHUNK, np.prod(grid)))
            coordinates = site_coordinates(cells, grid)
            lists = self._nearby(coordinates)
            most = np.maximum(most, [_count_distinct(values) for values in lists])
        # Fours, so that phantoms share compiled kernels.
        neurites, capsules, synapses = (-(-most // 4) * 4).tolist()
        return neurites, capsules, synapses

    def _sites_near(self, coordinates) -> Int[np.ndarray, "cells near"]:
        """The sites nearest to where the warp takes each cell's middle; -1 outside the lattice."""
        middle = self._warped_middle(coordinates)
        corner = np.floor(middle / self.lattice.cell_nm - 0.5).astype(int)
        sites = site_index(corner[:, None] + AROUND, self.lattice.shape)
        away = ((self.lattice.positions[sites] - middle[:, None]) ** 2).sum(-1)
        nearest = np.argsort(np.where(sites < 0, np.inf, away), axis=1, kind="stable")
        return np.take_along_axis(sites, nearest[:, :NEAR], axis=1)

    def _warped_middle(self, coordinates) -> Float[np.ndarray, "cells 3"]:
        bend = self._bend_at_corners(coordinates).mean((1, 2, 3))
        return (coordinates + 0.5) * self.lattice.cell_nm + bend

    def _nearby(self, coordinates):
        """Owners, capsules and synapses that may reach each cell's voxels, padded with -1."""
        around = self._sites_near(coordinates)
        outside = around < 0
        tables = (self.neurites.owner[:, None], self.capsules_at, self.synapses_at)
        owner, capsule, synapse = (
            np.where(outside[..., None], -1, table[around]).reshape(len(around), -1)
            for table in tables
        )
        return owner, self._in_reach(coordinates, capsule), synapse

    def _in_reach(self, coordinates, capsule) -> Int[np.ndarray, "cells n"]:
        """The capsules less those that stay clear of the cell: few are near enough to matter."""
        middle = self._warped_middle(coordinates)
        start, along = self.mitochondria.start, self.mitochondria.stop - self.mitochondria.start
        rows, columns = np.nonzero(capsule >= 0)
        which = capsule[rows, columns]
        offset = middle[rows] - start[which]
        t = (offset * along[which]).sum(1) / (along[which] ** 2).sum(1)
        away = np.linalg.norm(offset - t.clip(0, 1)[:, None] * along[which], axis=1)
        reach = 0.6 * np.linalg.norm(self.lattice.cell_nm) + 40  # half a diagonal and the warp
        far = away > self.mitochondria.radius[which] + reach
        capsule[rows[far], columns[far]] = -1
        return capsule

    def gather(self, coordinates: Int[np.ndarray, "cells 3"]) -> Cell:
        """The render kernel's input for cells at lattice coordinates (NumPy arrays inside)."""
        corner = (coordinates * self.lattice.cell_nm).astype(np.float32)
        around = self._sites_near(coordinates)
        site, weight, owner = field.gather_sites(
            around, self.lattice, self.neurites.owner, self.neurites.log_weight
        )
        _, capsules, synapses = self._nearby(coordinates)
        slots, slots_capsules, slots_synapses = (
            _distinct(values, width)
            for values, width in zip((owner, capsules, synapses), self.widths, strict=True)
        )
        member = (owner[:, None] == slots[..., None]) & (slots >= 0)[..., None]
        mito, syn = self.mitochondria, self.synapses
        relative = corner[:, None]
        return Cell(
            corner=corner,
            site=site - relative,
            log_weight=weight,
            member=member.astype(np.float32),
            label=(slots + 1).astype(np.uint32),
            tone=_pick(self.tone, slots, 0.5),
            grain=_pick(_by_kind(self.neurites.kind, GRAIN), slots, 0),
            ripples=self._ripples_near(coordinates),
            bend=self._bend_at_corners(coordinates),
            shift=self._shift_near(coordinates),
            blur=self._blur_near(coordinates),
            capsule_start=_pick(mito.start, slots_capsules, 0) - relative,
            capsule_stop=_pick(mito.stop, slots_capsules, 1) - relative,
            capsule_radius=_pick(mito.radius, slots_capsules, 0),
            synapse_centre=_pick(syn.centre, slots_synapses, 0) - relative,
            synapse_radius=_pick(syn.radius, slots_synapses, 0),
            synapse_pre=_slot_of(syn.pre, slots_synapses, slots),
            synapse_post=_slot_of(syn.post, slots_synapses, slots),
            synapse_label=(slots_synapses + 1).astype(np.uint32),
            seed=np.full(len(coordinates), self.seed, np.int32),
        )

    def _ripples_near(self, coordinates) -> Float[np.ndarray, "cells n n n 3"]:
        return _window(self.warp.ripples, RIPPLES_PER_CELL * coordinates, RIPPLE_KNOTS)

    def _bend_at_corners(self, coordinates) -> Float[np.ndarray, "cells 2 2 2 3"]:
        return _window(self.warp.bend, coordinates, 2)

    def _shift_near(self, coordinates) -> Float[np.ndarray, "cells samples 2"]:
        first = coordinates[:, :1] * self.geometry.cell_voxels[0]
        section = first + np.arange(self.geometry.samples[0]) * self.geometry.stride[0]
        last = len(self.sections.shift_nm) - 1
        return self.sections.shift_nm[np.minimum(section, last)].astype(np.float32)

    def _blur_near(self, coordinates) -> Float[np.ndarray, "cells z"]:
        section = coordinates[:, :1] * self.geometry.cell_voxels[0]
        section = section + np.arange(self.geometry.cell_voxels[0])
        last = len(self.sections.blur_nm) - 1
        return self.sections.blur_nm[np.minimum(section, last)].astype(np.float32)


def _window(values, first, width) -> Float[np.ndarray, "cells width width width 3"]:
    """Blocks of a grid; a tile may ask beyond its end, where no voxel is read: the last value."""
    z, y, x = (
        np.minimum(first[:, a, None] + np.arange(width), values.shape[a] - 1) for a in range(3)
    )
    return values[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]


def _by_kind(kind, values) -> Float[np.ndarray, " neurites"]:
    return np.array([values[k] for k in Kind])[kind]


def _group(keys, values, size) -> Int[np.ndarray, "keys n"]:
    """Row k lists the values whose key is k, padded with -1; at least one column."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    rank = np.arange(len(keys)) - np.searchsorted(keys, keys)
    table = np.full((size, rank.max(initial=0) + 1), -1)
    table[keys, rank] = values
    return table


def _first_of_each(values):
    """Sorted rows, and where each starts a new value other than -1."""
    rows = np.sort(values, axis=1)
    starts = rows[:, 1:] != rows[:, :-1]
    return rows, np.concatenate([np.ones((len(rows), 1), bool), starts], 1) & (rows >= 0)


def _count_distinct(values) -> int:
    return int(_first_of_each(values)[1].sum(1).max(initial=0))


def _distinct(values, width) -> Int[np.ndarray, "cells width"]:
    """The distinct values of each row other than -1, padded with -1."""
    rows, new = _first_of_each(values)
    table = np.full((len(values), width), -1)
    place = np.cumsum(new, 1) - 1
    table[np.nonzero(new)[0], place[new]] = rows[new]
    return table


def _pick(values, index, default) -> Float[np.ndarray, "cells ..."]:
    """Values at an index table; the default where it is -1."""
    padded = np.concatenate([values, np.full((1, *values.shape[1:]), default)])
    return padded[index].astype(np.float32)


def _slot_of(owner, index, slots) -> Int[np.ndarray, "cells n"]:
    """The slot that each listed object's owner has in its cell; -1 where it has none."""
    owners = np.append(owner, -2)[index]
    match = owners[..., None] == slots[:, None]
    return np.where(match.any(-1), match.argmax(-1), -1).astype(np.int32)
