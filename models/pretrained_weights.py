"""Where weights lie: in a run directory, in a file, or among those that are shipped."""

from pathlib import Path

FOLDER = Path(__file__).parent / "pretrained"  # NAME/OUTPUT.npz
BEST = "best.npz"  # of a training


def find_weights(name_or_path: str | Path) -> Path:
    """The file that is meant.

    Args:
        name_or_path: a run directory of a training, whose weights that validated best are meant; a
            file; or shipped weights, as NAME/OUTPUT, or as NAME where that has one output alone.

    Raises:
        FileNotFoundError: a folder without weights, or neither a path nor a name; says which names
            there are.
        ValueError: a name with several outputs; says which.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        return _best(path)
    files = _shipped()
    if str(name_or_path) in files:
        return files[str(name_or_path)]
    named = [name for name in files if name.split("/")[0] == str(name_or_path)]
    if len(named) == 1:
        return files[named[0]]
    if named:
        raise ValueError(f"got weights {name_or_path}; needs one of {', '.join(named)}")
    known = f"one of the shipped weights {', '.join(files)}" if files else "none are shipped"
    raise FileNotFoundError(
        f"{name_or_path}: there is no such file or folder; needs a run directory of "
        f"experiments.train, a file of weights (.npz), or a name ({known})"
    )


def _best(folder: Path) -> Path:
    if not (folder / BEST).is_file():
        raise FileNotFoundError(
            f"{folder}: got a folder without {BEST}; needs a run directory of experiments.train "
            "that has validated at least once, or a file of weights (.npz)"
        )
    return folder / BEST


def _shipped() -> dict[str, Path]:
    """Files by NAME/OUTPUT."""
    return {f"{p.parent.name}/{p.stem}": p for p in sorted(FOLDER.glob("*/*.npz"))}
