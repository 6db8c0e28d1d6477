"""VNC stack 1: Drosophila larva nerve cord, serial-section TEM, membranes to synapses."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from data.datasets.entry import Entry, SourceFile, Stack
from data.mapped import map_voxels
from data.opening import open_volume
from data.volume import Volume

# The sections are published as 45-50 nm thick; the upper figure is the one in common use.
VOXEL_SIZE_NM = (50.0, 4.6, 4.6)
FILES = {
    "image": SourceFile(
        "vnc_sstem/raw.tif",
        12129932,
        "ebfe4185c4bb965e613e96625b90acbf92e1055b423cfcd2bbb482d86e313376",
    ),
    "membrane": SourceFile(
        "vnc_sstem/membranes.tif",
        427991,
        "465db646ab74063c950de6988623ef0e33d43a42839d2a6607dd35789718faec",
    ),
    "mitochondria": SourceFile(
        "vnc_sstem/mitochondria.tif",
        57041,
        "d9572a829390aac7f4c499bf61aea6c4054f7c325b9c5ec183a727d0121db7bd",
    ),
    "clefts": SourceFile(
        "vnc_sstem/synapses.tif",
        29668,
        "14a8d9a109c8f78a31373e1598072a1711cb983dc1e0c67fbe4abe6ca3d76365",
    ),
    "cleft_ids": SourceFile(
        "vnc_sstem/synapse_ids.tif",
        29887,
        "2c3f620a5c2cb4771f988997a439583eea362d4bccc17945d819dfea717385bd",
    ),
    "classes": SourceFile(
        "vnc_sstem/classes.tif",
        712175,
        "779ee535e75d0ec313798e9bde90a9089adb22794df95fe71d16e55165bb29db",
    ),
}
MASKS = ("membrane", "mitochondria", "clefts")


def _is_marked(voxels: UInt8[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    return (voxels == 255).astype(np.uint8)


def _open_layers(root: Path) -> dict[str, Volume]:
    stored = {
        layer: open_volume(str(root / file.path), voxel_size_nm=VOXEL_SIZE_NM)
        for layer, file in FILES.items()
    }
    masks = {layer: map_voxels(stored[layer], _is_marked, np.uint8) for layer in MASKS}
    return stored | masks


ENTRY = Entry(
    name="vnc",
    title="Drosophila larva nerve cord, ssTEM (stack 1)",
    size="20 x 704 x 1024",
    voxel_size_nm=VOXEL_SIZE_NM,
    layers={
        "image": "uint8",
        "membrane": "uint8, 1 = membrane, glia or extracellular space",
        "mitochondria": "uint8, 1 = mitochondrion",
        "clefts": "uint8, 1 = electron-dense synaptic area",
        "cleft_ids": "uint8, 33 synapses, 26-connected",
        "classes": (
            "uint8; membrane at 0/45/90/135 degrees 0/32/64/96, junction 128, glia 159, "
            "mitochondrion 191, synapse 223, intracellular 255"
        ),
    },
    label_convention=(
        "The files hold 255 = structure; the masks are given as 1 = structure. Membrane includes "
        "glia and extracellular space (about 21 %). A synapse mask covers the dense area, and "
        "touching areas of adjacent sections are one synapse. Class 0 is membrane, not "
        "background."
    ),
    files=tuple(FILES.values()),
    origin=(
        "github.com/unidesigner/groundtruth-drosophila-vnc; first published as figshare 856713."
    ),
    preparation=(
        "rows 0-703 of 1024, stacked into TIFFs with lossless deflate; mitochondria and synapses "
        "thresholded at 128 (a few anti-aliased pixels); synapse ids from 26-connected components."
    ),
    terms="NON-COMMERCIAL. CC BY-NC-SA 3.0, as stated in the repository; cite.",
    non_commercial=True,
    citations=(
        "Gerhard, Funke, Martel, Cardona, Fetter, Segmented anisotropic ssTEM dataset of neural "
        "tissue, figshare (2013), doi:10.6084/m9.figshare.856713",
    ),
    stacks=(
        Stack(
            "stack 1",
            _open_layers,
            {
                "train": (slice(None), slice(0, 512)),
                "validation": (slice(None), slice(512, 704)),
            },
        ),
    ),
)
