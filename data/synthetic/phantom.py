"""The phantom: synthetic neuropil of any size, made block by block, with complete truth.

All that is global (neurites, synapses, defects) is a few numbers per cell of the lattice, made
at once; voxels are rendered on demand, tile by tile. Tiles are cut at fixed places, so a voxel's
value depends on the parameters alone, never on what was read before or beside it. Memory grows
with the tissue (about a kilobyte a cell), not with what is read.
"""

import functools
import itertools

import jax
import numpy as np
import tensorstore as ts
from jaxtyping import Float, Int

from data.skeletons import Skeleton
from data.synthetic import field, truth
from data.synthetic.cell import MEMBRANE, MITOCHONDRION, Geometry
from data.synthetic.cells import CellGatherer
from data.synthetic.defects import make_sections
from data.synthetic.imaging import take_image
from data.synthetic.interpolation import lay_out
from data.synthetic.lattice import make_lattice
from data.synthetic.neurites import make_neurites
from data.synthetic.organelles import make_mitochondria, make_synapses
from data.synthetic.parameters import PhantomParameters
from data.synthetic.rendering import render_cells
from data.synthetic.specks import remove_specks
from data.synthetic.tile_cache import TileCache
from data.synthetic.vesicles import PlacedVesicles, paint_vesicles
from data.synthetic.warp import make_warp, to_tissue
from data.volume import Volume

LAYERS = {
    "image": np.uint8,
    "neurites": np.uint32,
    "membrane": np.uint8,
    "clefts": np.uint8,
    "cleft_ids": np.uint32,
    "vesicles": np.uint8,
    "mitochondria": np.uint8,
}
TILE_VOXELS = 512_000
CACHED_TILES = 32


class Phantom:
    """A synthetic tissue block and its truth.

    Attributes:
        parameters: what it was made from.
        lattice, neurites, mitochondria, synapses, vesicles: the tissue, in lattice space;
            neurite i has label i + 1, synapse i has label i + 1.
        sections: how each section was taken.
    """

    def __init__(self, parameters: PhantomParameters):
        self.parameters = parameters
        streams = np.random.default_rng(parameters.seed).spawn(6)
        self.lattice = make_lattice(parameters, streams[0])
        self.neurites, contacts = make_neurites(self.lattice, parameters, streams[1])
        tissue = parameters.tissue
        self.mitochondria = make_mitochondria(self.neurites, tissue, streams[2])
        volume_um3 = float(np.prod(parameters.shape) * np.prod(parameters.voxel_size_nm) * 1e-9)
        self.synapses, self.vesicles = make_synapses(
            self.neurites, contacts, tissue, volume_um3, self.mitochondria, streams[3]
        )
        size_nm = np.array(parameters.shape) * parameters.voxel_size_nm
        self.warp = make_warp(self.lattice, size_nm, streams[4])
        self.sections = make_sections(parameters.shape[0], parameters.imaging, streams[5])
        self._tiles = TileCache(self._render_tile, CACHED_TILES)

    @functools.cached_property
    def geometry(self) -> Geometry:
        """What the render kernel is compiled for."""
        tissue = self.parameters.tissue
        return Geometry(
            cell_voxels=self.lattice.cell_voxels,
            stride=self.lattice.stride,
            voxel_nm=self.parameters.voxel_size_nm,
            spread_nm=field.spread_nm(self.lattice),
            extracellular_nm=tissue.extracellular_nm,
            membrane_nm=tissue.membrane_nm,
            cleft_nm=tissue.cleft_nm,
            membrane_contrast=self.parameters.imaging.membrane_contrast,
        )

    @functools.cached_property
    def tile_cells(self) -> tuple[int, int, int]:
        """Cells (z, y, x) of one tile: about half a million voxels, flat like a section."""
        cells = -(-np.array(self.parameters.shape) // self.lattice.cell_voxels)
        voxels = int(np.prod(self.lattice.cell_voxels))
        side = max(1, int(np.sqrt(TILE_VOXELS / (2 * voxels))))
        # Of similar sides, the one that leaves least beyond the volume's end.
        height, width = (
            min(range(side, side // 2, -1), key=lambda n, c=count: -(-c // n) * n)
            for count in cells[1:].tolist()
        )
        return min(2, int(cells[0])), height, width

    @property
    def tile_shape(self) -> tuple[int, int, int]:
        """Voxels (z, y, x) that are made together: the cheapest piece to read."""
        z, y, x = (c * v for c, v in zip(self.tile_cells, self.lattice.cell_voxels, strict=True))
        return z, y, x

    def tiles(self) -> list[tuple[slice, slice, slice]]:
        """The boxes of all tiles, clipped to the volume, in the order of their z, y, x."""
        z, y, x = (
            [slice(start, min(start + step, size)) for start in range(0, size, step)]
            for step, size in zip(self.tile_shape, self.parameters.shape, strict=True)
        )
        return list(itertools.product(z, y, x))

    def volumes(self) -> dict[str, Volume]:
        """Every layer as a volume."""
        return {name: self.volume(name) for name in LAYERS}

    def volume(self, layer: str) -> Volume:
        """One layer of `LAYERS` as a volume, made as it is read.

        image (uint8); neurites (uint32, 0 = extracellular); membrane, clefts, vesicles,
        mitochondria (uint8, 1 = structure); cleft_ids (uint32, the synapse's label).
        """
        if layer not in LAYERS:
            raise ValueError(f"phantom: got layer {layer!r}; needs one of {', '.join(LAYERS)}")

        def read(domain: ts.IndexDomain, out: np.ndarray, _: object) -> None:
            start, tile_shape = np.array(domain.origin), np.array(self.tile_shape)
            tile = self._tiles.get(tuple((start // tile_shape).tolist()))[layer]
            first = start % tile_shape
            out[...] = tile[tuple(map(slice, first, first + domain.shape))]

        store = ts.virtual_chunked(
            read,
            dtype=LAYERS[layer],
            domain=ts.IndexDomain(shape=self.parameters.shape, labels=["z", "y", "x"]),
            chunk_layout=ts.ChunkLayout(read_chunk_shape=self.tile_shape),
        )
        name = f"phantom (seed {self.parameters.seed}) {layer}"
        return Volume(store, self.parameters.voxel_size_nm, name=name)

    def synapse_table(self) -> np.ndarray:
        """Synapses as a structured array.

        Columns: id, pre and post (neurite labels), z_nm, y_nm, x_nm (middle of the cleft),
        pre_z_nm ... (a point inside the presynaptic neurite), post_z_nm ..., area_nm2.
        Coordinates are in nm from the volume's corner.
        """
        pre, post = truth.partner_points(self.neurites, self.synapses)
        points = (self.to_volume(p) for p in (self.synapses.centre, pre, post))
        return truth.synapse_table(self.synapses, *points)

    def neurite_table(self) -> np.ndarray:
        """Neurites as a structured array: id, kind, length_nm, synapses_out, synapses_in."""
        return truth.neurite_table(self.neurites, self.synapses, self.skeletons())

    def skeletons(self) -> dict[int, Skeleton]:
        """The skeleton of each neurite, by label; nodes in nm from the volume's corner."""
        nodes, parent, owner = truth.skeleton_nodes(self.neurites)
        _, _, radius, _ = field.at_points(
            nodes, self.lattice, self.neurites.owner, self.neurites.log_weight
        )
        widest = np.minimum(radius, np.linalg.norm(self.lattice.cell_nm * self.lattice.shape))
        return truth.split_by_owner(self.to_volume(nodes), parent, widest, owner)

    def to_volume(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Points of lattice space in nm from the volume's corner, as the sections show them."""
        placed = to_tissue(points, self.lattice, self.warp)
        section = (placed[:, 0] / self.parameters.voxel_size_nm[0]).astype(int)
        placed[:, 1:] -= self.sections.shift_nm[section.clip(0, self.parameters.shape[0] - 1)]
        size = np.array(self.parameters.shape) * self.parameters.voxel_size_nm
        return placed.clip(0, size - 1e-3)

    @functools.cached_property
    def _gatherer(self) -> CellGatherer:
        return CellGatherer(
            self.lattice,
            self.neurites,
            self.mitochondria,
            self.synapses,
            self.sections,
            self.warp,
            self.geometry,
            self.parameters.seed,
        )

    @functools.cached_property
    def _placed_vesicles(self) -> PlacedVesicles:
        centre = to_tissue(self.vesicles.centre, self.lattice, self.warp)
        order = np.argsort(centre[:, 0], kind="stable")
        neurite = self.synapses.pre[self.vesicles.synapse] + 1
        return PlacedVesicles(centre[order], neurite[order].astype(np.uint32))

    def _render_tile(self, tile: tuple[int, int, int]) -> dict[str, np.ndarray]:
        """All layers of one tile, beyond the volume's end too."""
        first = np.array(tile) * self.tile_cells
        grid = np.stack(np.meshgrid(*map(np.arange, self.tile_cells), indexing="ij"), -1)
        cells = self._gatherer.gather(first + grid.reshape(-1, 3))
        rendered = lay_out(render_cells(cells, self.geometry), self.geometry, self.tile_cells)
        neurites, flags, cleft_ids, intensity, grain = map(np.asarray, jax.tree.leaves(rendered))
        origin = first * self.lattice.cell_voxels
        neurites, intensity = neurites.copy(), intensity.copy()
        inside = tuple(map(slice, np.array(self.parameters.shape) - origin))
        remove_specks(neurites[inside], self._largest_speck)
        vesicles = self._paint(intensity, neurites, origin)
        return {
            "image": self._take_image(intensity, grain, origin),
            "neurites": neurites,
            "membrane": flags & MEMBRANE,
            "clefts": (cleft_ids > 0).astype(np.uint8),
            "cleft_ids": cleft_ids,
            "vesicles": np.where(flags & MEMBRANE, np.uint8(0), vesicles),
            "mitochondria": (flags & MITOCHONDRION) // MITOCHONDRION,
        }

    @property
    def _largest_speck(self) -> int:
        """Voxels: half the thinnest slice through the thinnest neurite."""
        voxel = np.array(self.parameters.voxel_size_nm)
        across = 2 * self.parameters.clearance_nm
        return int(0.5 * across**2 * voxel.min() / voxel.prod())

    def _paint(self, intensity, neurites, origin):
        z = self._sections_of(origin)
        return paint_vesicles(
            intensity,
            neurites,
            self._placed_vesicles,
            origin,
            np.array(self.parameters.voxel_size_nm),
            self.sections.shift_nm[z],
            self.sections.blur_nm[z],
        )

    def _take_image(self, intensity, grain, origin):
        z = self._sections_of(origin)
        image = take_image(
            intensity,
            grain,
            self.sections.contrast[z].astype(np.float32),
            self.sections.brightness[z].astype(np.float32),
            1 - self.sections.missing[z].astype(np.float32),
            origin.astype(np.int32),
            np.int32(self.parameters.seed),
            voxel_nm=self.geometry.voxel_nm,
            grain_share=self.parameters.imaging.grain,
            noise=self.parameters.imaging.noise,
        )
        return np.asarray(image)

    def _sections_of(self, origin) -> Int[np.ndarray, " z"]:
        """Sections of the tile; beyond the last one, the last."""
        return np.minimum(origin[0] + np.arange(self.tile_shape[0]), self.parameters.shape[0] - 1)
