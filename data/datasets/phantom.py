"""The catalog's line on the phantom, which is generated and has no files."""

from data.datasets.entry import Entry

ENTRY = Entry(
    name="phantom",
    title="Generated neuropil with exact truth",
    size="as configured",
    voxel_size_nm=None,
    layers={
        "image": "uint8",
        "neurites": "uint32 ids",
        "membrane": "uint8, 1 = membrane",
        "clefts": "uint8, 1 = cleft",
        "cleft_ids": "uint32 ids",
        "vesicles": "uint8, 1 = vesicle",
        "mitochondria": "uint8, 1 = mitochondrion",
    },
    label_convention="Exact by construction; shape and voxel size are parameters.",
    files=(),
    origin="made on demand from a seed.",
    preparation="nothing to prepare.",
    terms="those of this repository.",
    citations=(),
    read_with="data.synthetic.phantom.Phantom",
)
