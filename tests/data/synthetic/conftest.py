"""Small phantoms that several tests look at."""

import pytest

from data.synthetic import Imaging, Phantom, PhantomParameters, Tissue

VARIANTS = {
    "mouse": PhantomParameters(shape=(40, 300, 300), seed=1),
    "fly": PhantomParameters(
        shape=(30, 260, 330), voxel_size_nm=(50.0, 4.6, 4.6), seed=2, tissue=Tissue(pitch_nm=210.0)
    ),
    "isotropic": PhantomParameters(shape=(110, 120, 130), voxel_size_nm=(10.0, 10.0, 10.0), seed=3),
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
def mouse() -> Phantom:
    return Phantom(VARIANTS["mouse"])
