"""Makes a phantom on disk: python -m data.synthetic DST [option=value ...]"""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from data.synthetic import PhantomParameters

HELP = """\
python -m data.synthetic DST [option=value ...]

Makes synthetic neuropil with complete truth in the folder DST: image.zarr, neurites.zarr,
membrane.zarr, cleft_ids.zarr, vesicles.zarr, mitochondria.zarr (OME-Zarr), synapses.csv,
neurites.csv, skeletons/ID.swc and phantom.json. The same options give the same voxels. Made tile
by tile, so it may be larger than memory; killed and run again, it goes on where it stopped.

options, with their defaults (lengths in nm)
{defaults}
  overwrite=false

example
  python -m data.synthetic phantom shape=[128,1024,1024] seed=7 imaging.dark_sections=0.03
"""


def read_options(arguments: Sequence[str]) -> tuple[str, PhantomParameters, bool]:
    """DST, the phantom's parameters, and whether to overwrite.

    Raises:
        ValueError: on a missing DST, an unknown option or a value of the wrong type.
    """
    if not arguments or "=" in arguments[0]:
        raise ValueError(f"got {' '.join(arguments) or 'nothing'!r}; needs DST (see --help)")
    config = OmegaConf.create({**_defaults(), "overwrite": False})
    OmegaConf.set_struct(config, True)
    try:
        merged = OmegaConf.merge(config, OmegaConf.from_dotlist(list(arguments[1:])))
        values = OmegaConf.to_container(merged)
    except OmegaConfBaseException as error:
        raise ValueError(f"{error.full_key or arguments[1:]}: {error.msg}") from error
    assert isinstance(values, dict)
    overwrite = values.pop("overwrite")
    if not isinstance(overwrite, bool):
        raise ValueError(f"got overwrite={overwrite}; needs true or false")
    return arguments[0], _parameters(values), overwrite


def _defaults() -> dict:
    return dataclasses.asdict(PhantomParameters())


def _parameters(values: dict) -> PhantomParameters:
    default = PhantomParameters()
    groups = {
        name: dataclasses.replace(getattr(default, name), **_floats(name, values.pop(name)))
        for name in ("tissue", "imaging")
    }
    return PhantomParameters(
        shape=_three("shape", values["shape"], _whole),
        voxel_size_nm=_three("voxel_size_nm", values["voxel_size_nm"], _number),
        seed=_whole("seed", values["seed"]),
        **groups,
    )


def _three(name: str, values: object, kind: Callable[[str, object], float]) -> tuple:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"got {name}={values}; needs three numbers, as in {name}=[64,512,512]")
    z, y, x = (kind(name, value) for value in values)
    return z, y, x


def _whole(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"got {name}={value}; needs a whole number")
    return value


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"got {name}={value}; needs a number")
    return float(value)


def _floats(group: str, values: dict) -> dict[str, float]:
    return {name: _number(f"{group}.{name}", value) for name, value in values.items()}


def _listed(values: dict, prefix: str = "") -> list[str]:
    """Lines `  name=value`, groups with a dot."""
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _listed(value, f"{prefix}{name}.")
        else:
            shown = list(value) if isinstance(value, tuple) else value
            lines.append(f"  {prefix}{name}={shown}".replace(", ", ","))
    return lines


def main(arguments: Sequence[str]) -> int:
    """Runs the command line; returns 0, or 2 after printing what is wrong with it."""
    if set(arguments) & {"-h", "--help"}:
        print(HELP.format(defaults="\n".join(_listed(_defaults()))))
        return 0
    try:
        folder, parameters, overwrite = read_options(arguments)
        _make(folder, parameters, overwrite)
    except (ValueError, OSError) as error:
        print(f"python -m data.synthetic: {error}", file=sys.stderr)
        return 2
    return 0


def _make(folder: str, parameters: PhantomParameters, overwrite: bool) -> None:
    from data.synthetic.phantom import Phantom
    from data.synthetic.writing import write_phantom

    start = time.monotonic()
    phantom = Phantom(parameters)
    write_phantom(phantom, folder, overwrite=overwrite, progress=True)
    seconds = time.monotonic() - start
    voxels = int(np.prod(parameters.shape))
    print(
        f"wrote {folder}: {voxels / 1e6:.1f} Mvoxel, {len(phantom.neurites.kind)} neurites, "
        f"{len(phantom.synapses.pre)} synapses; {seconds:.1f} s, {voxels / seconds / 1e6:.1f} "
        "Mvoxel/s"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
