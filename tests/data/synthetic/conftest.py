"""Small phantoms that several tests look at."""

import pytest

from data.synthetic import Imaging, Phantom, PhantomParameters, Tissue

VARIANTS = {
    "mouse": PhantomParameters(shape=(40, 300, 300), seed=1),
    "fly": PhantomParameters(
        shape=(30, 260, 330), voxel_size_nm=(50.0, 4.6, 4.6), seed=2, tissue=Tissue(pitch_nm=160.0)
    ),
    "isotropic": PhantomParameters(
        shape=(110, 120, 130),
        voxel_size_nm=(10.0, 10.0, 10.0),
        seed=3,
        imaging=Imaging(misalignment_nm=0.0),
    ),
    "crowded": PhantomParameters(
        shape=(40, 280, 280), seed=21, tissue=Tissue(synapses_per_um3=8.0)
    ),
    "shaken": PhantomParameters(
        shape=(24, 150, 150), seed=6, imaging=Imaging(misalignment_nm=18.0)
    ),
    "coarse": PhantomParameters(shape=(30, 40, 50), voxel_size_nm=(40.0, 40.0, 40.0), seed=7),
    "thread": PhantomParameters(shape=(1, 1, 500), seed=3),
    "gaps": PhantomParameters(
        shape=(40, 250, 250),
        seed=4,
        tissue=Tissue(extracellular_nm=25.0),
        imaging=Imaging(misalignment_nm=12.0, missing_sections=0.1, dark_sections=0.1),
    ),
    "section": PhantomParameters(shape=(1, 300, 300), seed=5),
}


@pytest.fixture(scope="session", params=VARIANTS)
def phantom(request) -> Phantom:
    return Phantom(VARIANTS[request.param])


@pytest.fixture(scope="session")
def crowded() -> Phantom:
    return Phantom(VARIANTS["crowded"])


@pytest.fixture(scope="session")
def mouse() -> Phantom:
    return Phantom(VARIANTS["mouse"])
