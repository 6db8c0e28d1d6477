"""Weights by run directory, file or name."""

import pytest

from models import pretrained_weights
from models.pretrained_weights import find_weights


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Three files, of two names."""
    folder = tmp_path / "pretrained"
    for name in ("cortex/membrane", "cortex/cleft", "hydra/vesicle"):
        path = folder / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(pretrained_weights, "FOLDER", folder)
    return folder


def test_a_run_directory_means_its_best_weights(tmp_path):
    (tmp_path / "best.npz").touch()
    assert find_weights(tmp_path) == tmp_path / "best.npz"
    assert find_weights(str(tmp_path)) == tmp_path / "best.npz"


def test_a_file_means_itself(tmp_path):
    path = tmp_path / "mine.npz"
    path.touch()
    assert find_weights(path) == path


@pytest.mark.parametrize("name", ["cortex/membrane", "cortex/cleft", "hydra/vesicle"])
def test_a_name_and_output_mean_the_shipped_file(shipped, name):
    assert find_weights(name) == shipped / f"{name}.npz"


def test_a_name_with_one_output_is_enough(shipped):
    assert find_weights("hydra") == shipped / "hydra" / "vesicle.npz"


def test_a_name_with_several_outputs_is_not(shipped):
    with pytest.raises(ValueError, match="cortex; needs one of cortex/cleft, cortex/membrane"):
        find_weights("cortex")


@pytest.mark.parametrize("name", ["retina", "cortex/vesicle", "cort", "/nowhere/best.npz"])
def test_what_is_unknown_is_refused_with_the_names_that_there_are(shipped, name):
    with pytest.raises(FileNotFoundError, match=r"cortex/cleft, cortex/membrane, hydra/vesicle"):
        find_weights(name)


def test_without_shipped_weights_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained_weights, "FOLDER", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="none are shipped"):
        find_weights("cortex")


def test_a_folder_without_weights_is_no_training(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"without best\.npz; needs a run directory"):
        find_weights(tmp_path)
