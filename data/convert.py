"""Converts volumes between formats: python -m data.convert SRC DST [option=value ...]

Memory is bounded by blocks, not by the volume; a killed conversion goes on when run again.
"""

import dataclasses
import sys
from collections.abc import Sequence

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from data.conversion.job import Options, convert

HELP = """\
python -m data.convert SRC DST [option=value ...]

Copies the volume SRC to DST, in another format or place, every voxel exactly.

SRC  a zarr array or OME-Zarr group, N5 dataset, neuroglancer precomputed volume (local, or a URL:
     s3://, gs://, http://), TIFF stack, folder of TIFF or PNG sections, several TIFF files
     ('dir/part*.tif', or a.tif,b.tif), or file.h5:dataset
DST  its suffix says the format: .zarr (OME-Zarr 0.5, zarr 3), .n5, .precomputed, .tif, .h5:dataset

options
  voxel_size_nm=[z,y,x]   size of a voxel in nm; needed where SRC does not say it
  offset=[z,y,x]          voxel coordinates of the first voxel; default: what SRC says, else 0
  format=zarr2            OME-Zarr 0.4 on zarr 2; or any of zarr3, n5, precomputed, tif, hdf5
  chunk_shape=[z,y,x]     default [16,256,256], clipped to the volume
  dtype=uint32            another dtype, if it holds every value exactly
  axes=czyx               names of SRC's axes, as it stores them; needed where 4 axes have none
  labels=true             whether voxels are ids; default: uint32 and uint64 are, others are not
  pyramid=true            adds coarser levels to a .zarr: the mean of grey values, of labels the
                          commonest id
  overwrite=true          replaces DST, at the very end

examples
  python -m data.convert 'ac4/train-input_z*.tif' ac4.zarr voxel_size_nm=[30,6,6]
  python -m data.convert labels.tif labels.precomputed voxel_size_nm=[30,6,6] dtype=uint64
  python -m data.convert cremi.h5:volumes/raw raw.zarr pyramid=true
  python -m data.convert s3://bucket/em.zarr/2 em.tif

Interrupted or killed, it goes on from the last finished block when the same command is run again
(HDF5 output starts anew, and so does any if the files of SRC have changed; a SRC at a URL must not
change meanwhile, as that is not seen). An error removes what was written and leaves an existing DST
as it was; a remote DST is written in place instead, and with overwrite=true deleted first.
"""


def parse(arguments: Sequence[str]) -> tuple[str, str, Options]:
    """SRC, DST and the options of a command line.

    Raises:
        ValueError: on a missing path, an unknown option or a value of the wrong type.
    """
    if len(arguments) < 2:
        raise ValueError(
            f"got {' '.join(arguments) or 'nothing'!r}; needs SRC and DST (see --help)"
        )
    source, destination, *settings = arguments
    odd = [setting for setting in settings if "=" not in setting]
    if odd:
        raise ValueError(f"got {odd[0]!r} after SRC and DST; needs option=value (see --help)")
    known = ", ".join(field.name for field in dataclasses.fields(Options))
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Options), OmegaConf.from_dotlist(settings))
    except OmegaConfBaseException as error:
        reason = _list_without_brackets(settings, str(error.full_key)) or (
            f"{str(error).splitlines()[0]}; options are {known}"
        )
        raise ValueError(f"option {error.full_key}: {reason}") from None
    options = OmegaConf.to_object(merged)
    assert isinstance(options, Options)
    return source, destination, options


def _list_without_brackets(settings: Sequence[str], option: str) -> str:
    """What to say of voxel_size_nm=30,6,6; empty for any other mistake."""
    value = dict(setting.split("=", 1) for setting in settings).get(option, "")
    return f"got {value}; needs [{value}]" if "," in value and "[" not in value else ""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit status."""
    if not arguments or "--help" in arguments or "-h" in arguments:
        print(HELP)
        return 0 if arguments else 2
    try:
        print(convert(*parse(arguments), progress=True))
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
