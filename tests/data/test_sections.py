"""TIFF and PNG sections: order, scale, laziness, and every way in which files are damaged."""

import re
import struct

import numpy as np
import pytest
import tensorstore as ts
import tifffile
from PIL import Image

from data.formats import tiff, tiff_stack
from data.opening import create_volume, open_volume

SIZE = (30, 6, 6)


@pytest.fixture
def voxels():
    return np.random.default_rng(0).integers(0, 256, (7, 40, 52), np.uint8)


def test_several_files_stack_along_z(tmp_path, voxels):
    tifffile.imwrite(tmp_path / "part_z0-2.tif", voxels[:3], photometric="minisblack")
    tifffile.imwrite(tmp_path / "part_z2-6.tif", voxels[2:], compression="zlib", rowsperstrip=7)
    pattern = open_volume(f"{tmp_path}/part_z*.tif", SIZE)
    np.testing.assert_array_equal(pattern.read(), np.concatenate([voxels[:3], voxels[2:]]))
    np.testing.assert_array_equal(pattern[3:6, 9:31, 4:].read(), voxels[2:5, 9:31, 4:])
    listed = open_volume(f"{tmp_path}/part_z2-6.tif, {tmp_path}/part_z0-2.tif", SIZE)
    np.testing.assert_array_equal(listed.read(), np.concatenate([voxels[2:], voxels[:3]]))


def test_a_missing_file_of_a_list_is_named(tmp_path, voxels):
    tifffile.imwrite(tmp_path / "a.tif", voxels)
    (tmp_path / "notes.txt").write_text("")
    for missing in ("b.tif", "c*.tif", "notes.txt"):
        with pytest.raises(FileNotFoundError, match=rf"^{re.escape(f'{tmp_path}/{missing}')}: "):
            open_volume(f"{tmp_path}/a.tif,{tmp_path}/{missing},{tmp_path}/a.tif", SIZE)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_folder_in_natural_order(tmp_path, voxels, suffix):
    for number, section in enumerate(voxels):
        Image.fromarray(section).save(tmp_path / f"section_{number + 6}.{suffix}")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / ".hidden.tif").write_text("")
    volume = open_volume(str(tmp_path), SIZE)
    np.testing.assert_array_equal(volume.read(), voxels)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64", "float32", ">u2", ">f4"])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"rowsperstrip": 16},
        {"tile": (16, 32)},
        {"tile": (16, 32), "compression": "zlib"},
        {"bigtiff": True},
    ],
)
def test_layouts_agree_with_tifffile(tmp_path, voxels, dtype, layout):
    path = tmp_path / "stack.tif"
    values = voxels.astype(dtype)
    if "predictor" in layout and dtype not in ("uint16", "uint32", ">u2"):
        pytest.skip("this predictor needs imagecodecs")
    tifffile.imwrite(
        path, values, photometric="minisblack", byteorder=values.dtype.byteorder, **layout
    )
    volume = open_volume(str(path), SIZE)
    assert volume.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(volume.read(), tifffile.imread(path))
    np.testing.assert_array_equal(volume[2:4, 15:33, 7:50].read(), values[2:4, 15:33, 7:50])


def test_one_bit_sections_become_uint8(tmp_path, voxels):
    for number, section in enumerate(voxels > 127):
        Image.fromarray(section).save(tmp_path / f"{number}.png")
        Image.fromarray(section).save(tmp_path / f"{number}.tif", compression="raw")
    for suffix in ("png", "tif"):
        volume = open_volume(f"{tmp_path}/*.{suffix}", SIZE)
        np.testing.assert_array_equal(volume.read(), (voxels > 127).astype(np.uint8), strict=True)


def test_sixteen_bit_png(tmp_path):
    section = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    Image.fromarray(section).save(tmp_path / "s.png")
    volume = open_volume(str(tmp_path), SIZE)
    np.testing.assert_array_equal(volume.read(), section[None], strict=True)


def test_only_the_sections_asked_for_are_decoded(tmp_path, voxels, monkeypatch):
    tifffile.imwrite(tmp_path / "s.tif", voxels, compression="zlib")
    decoded = []
    original = tiff._decoded_rows

    def counted(path, number, *rest):
        decoded.append(number)
        return original(path, number, *rest)

    monkeypatch.setattr(tiff, "_decoded_rows", counted)
    volume = open_volume(f"{tmp_path}/s.tif", SIZE)
    assert decoded == []
    volume[2:4].read()
    assert sorted(decoded) == [2, 3]


def test_strips_are_read_alone(tmp_path):
    """Rows of a section of a megabyte do not cost the whole section."""
    voxels = np.random.default_rng(0).integers(0, 256, (2, 1024, 1024), np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", voxels, compression="zlib", rowsperstrip=8)
    volume = open_volume(f"{tmp_path}/s.tif", SIZE)
    assert volume.chunk_shape == (1, 256, 1024)
    np.testing.assert_array_equal(volume[:, 5:721, 9:].read(), voxels[:, 5:721, 9:])


def test_scale_of_imagej(tmp_path, voxels):
    tifffile.imwrite(
        tmp_path / "s.tif",
        voxels,
        imagej=True,
        resolution=(1 / 0.004, 1 / 0.005),
        metadata={"spacing": 0.04, "unit": "um", "axes": "ZYX"},
    )
    volume = open_volume(f"{tmp_path}/s.tif")
    assert volume.voxel_size_nm == pytest.approx((40, 5, 4))
    np.testing.assert_array_equal(volume.read(), voxels)
    assert open_volume(f"{tmp_path}/s.tif", SIZE).voxel_size_nm == SIZE


def test_scale_of_ome_tiff(tmp_path, voxels):
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.004, "PhysicalSizeY": 50, "PhysicalSizeZ": 0.04}
    metadata["PhysicalSizeYUnit"] = "Å"
    tifffile.imwrite(tmp_path / "s.ome.tif", voxels, metadata=metadata)
    volume = open_volume(f"{tmp_path}/s.ome.tif")
    assert volume.voxel_size_nm == pytest.approx((40, 5, 4))
    np.testing.assert_array_equal(volume.read(), voxels)


def test_scale_of_a_json_description(tmp_path, voxels):
    metadata = {"voxel_size_nm": [40, 4, 4], "offset": [1, 2, 3]}
    tifffile.imwrite(tmp_path / "s.tif", voxels, metadata=metadata)
    volume = open_volume(f"{tmp_path}/s.tif")
    assert (volume.voxel_size_nm, volume.offset) == ((40, 4, 4), (1, 2, 3))


def test_a_tiff_without_scale_needs_one(tmp_path, voxels):
    tifffile.imwrite(tmp_path / "s.tif", voxels, resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(ValueError, match=r"s.tif: got no voxel size.*voxel_size_nm=\[z,y,x\]"):
        open_volume(f"{tmp_path}/s.tif")


@pytest.mark.parametrize("shape", [(5, 30, 40), (3, 30, 40), (1, 30, 40), (4, 20, 3), (1, 1, 1)])
def test_others_read_the_stack_and_its_scale(tmp_path, shape):
    voxels = np.random.default_rng(0).integers(0, 2**16, shape, np.uint16)
    create_volume(
        f"{tmp_path}/s.tif", shape=shape, dtype="uint16", voxel_size_nm=(30, 5, 6), offset=(1, 2, 3)
    ).write(voxels)
    with tifffile.TiffFile(tmp_path / "s.tif") as tif:
        assert len(tif.pages) == shape[0]
        np.testing.assert_array_equal(np.reshape(tif.asarray(), shape), voxels)
        metadata = tif.imagej_metadata or {}
        assert (metadata["spacing"], metadata["unit"]) == (30, "nm")
        tags = tif.pages.first.tags
        assert np.divide(*tags["XResolution"].value) == pytest.approx(1 / 6)
        assert np.divide(*tags["YResolution"].value) == pytest.approx(1 / 5)
    with Image.open(tmp_path / "s.tif") as image:
        assert image.size == shape[:0:-1]


def test_large_stacks_are_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_stack, "BIGTIFF_BYTES", 100)
    voxels = np.arange(120, dtype=np.uint8).reshape(2, 6, 10)
    path = f"{tmp_path}/s.tif"
    create_volume(path, shape=voxels.shape, dtype="uint8", voxel_size_nm=SIZE).write(voxels)
    with tifffile.TiffFile(path) as tif:
        assert tif.is_bigtiff
    np.testing.assert_array_equal(open_volume(path).read(), voxels)


def test_unequal_sections(tmp_path, voxels):
    Image.fromarray(voxels[0]).save(tmp_path / "s1.png")
    Image.fromarray(voxels[0, :39]).save(tmp_path / "s2.png")
    message = r"s2.png: section 0 is 39 x 52 .* uint8; needs 40 x 52 .* uint8, as in .*s1.png"
    with pytest.raises(ValueError, match=message):
        open_volume(str(tmp_path), SIZE)


def test_unequal_pages(tmp_path, voxels):
    with tifffile.TiffWriter(tmp_path / "s.tif") as writer:
        writer.write(voxels[0], contiguous=False)
        writer.write(voxels[1, :, :30], contiguous=False)
    with pytest.raises(ValueError, match=r"s.tif: section 1 is 40 x 30 .* needs 40 x 52"):
        open_volume(f"{tmp_path}/s.tif", SIZE)


def test_unequal_types(tmp_path, voxels):
    tifffile.imwrite(tmp_path / "1.tif", voxels)
    tifffile.imwrite(tmp_path / "2.tif", voxels.astype(np.uint16))
    with pytest.raises(ValueError, match=r"2.tif: .* uint16; needs .* uint8, as in .*1.tif"):
        open_volume(f"{tmp_path}/*.tif", SIZE)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_are_refused(tmp_path, suffix):
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / f"s.{suffix}")
    with pytest.raises(ValueError, match=rf"s.{suffix}: .*colours.*convert it to greyscale"):
        open_volume(str(tmp_path), SIZE)


def test_palettes_are_refused_unless_they_are_grey(tmp_path, voxels):
    section = Image.fromarray(voxels[0]).convert("P")
    section.putpalette([grey for grey in range(256) for _ in "rgb"])
    section.save(tmp_path / "s.png")
    np.testing.assert_array_equal(open_volume(str(tmp_path), SIZE).read(), voxels[:1])
    section.putpalette([255 - grey for grey in range(256) for _ in "rgb"])
    section.save(tmp_path / "s.png")
    with pytest.raises(ValueError, match=r"s.png: got a section with a palette.*greyscale"):
        open_volume(str(tmp_path), SIZE)


def test_large_sections_are_no_attack(tmp_path, voxels, monkeypatch):
    """Pillow's limit, which is there for web servers, holds for others and not for us."""
    Image.fromarray(voxels[0]).save(tmp_path / "s.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    np.testing.assert_array_equal(open_volume(str(tmp_path), SIZE).read(), voxels[:1])
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "s.png")


def test_sections_have_no_other_axes(tmp_path, voxels):
    tifffile.imwrite(tmp_path / "s.tif", voxels)
    with pytest.raises(ValueError, match=r"s.tif: got axes=zyx; needs none"):
        open_volume(f"{tmp_path}/s.tif", SIZE, axes="zyx")


def test_hyperstack_is_refused(tmp_path):
    """Sections of two channels, one after the other, are no stack of twice as many sections."""
    channels = np.zeros((5, 2, 20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", channels, imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(ValueError, match=r"s.tif: got axes ZCYX of sizes \(5, 2, 20, 30\)"):
        open_volume(f"{tmp_path}/s.tif", SIZE)


@pytest.mark.parametrize("kept", [0.001, 0.01, 0.3, 0.6, 0.9, 0.97, 0.99, 0.999])
@pytest.mark.parametrize(
    "layout", [{}, {"compression": "zlib"}, {"contiguous": False}, {"imagej": True}]
)
def test_truncated_stack(tmp_path, voxels, layout, kept):
    """However much of a stack is missing, it is never taken for a shorter stack."""
    path = tmp_path / "s.tif"
    with tifffile.TiffWriter(path, imagej=layout.get("imagej", False)) as writer:
        rest = {key: value for key, value in layout.items() if key != "imagej"}
        for part in [voxels] if rest.get("contiguous", True) else voxels:
            writer.write(part, photometric="minisblack", **rest)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    check_never_shorter(path, voxels)


def check_never_shorter(path, voxels):
    """A cut file is refused, unless only the last page's header lost something of no weight."""
    try:
        volume = open_volume(str(path), SIZE)
    except ValueError as error:
        assert "truncated" in str(error) or "not a whole TIFF" in str(error)
        assert path.name in str(error)
    else:
        np.testing.assert_array_equal(volume.read(), voxels)


def test_truncated_own_stack(tmp_path, voxels):
    path = tmp_path / "s.tif"
    create_volume(str(path), shape=voxels.shape, dtype="uint8", voxel_size_nm=SIZE).write(voxels)
    data = path.read_bytes()
    for cut in range(1, len(data), 97):
        path.write_bytes(data[:-cut])
        check_never_shorter(path, voxels)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"s.tif: .*(truncated|not a whole TIFF)"):
        open_volume(str(path))


def test_stack_that_shrinks_after_opening(tmp_path, voxels):
    tifffile.imwrite(tmp_path / "s.tif", voxels)
    volume = open_volume(f"{tmp_path}/s.tif", SIZE)
    (tmp_path / "s.tif").write_bytes((tmp_path / "s.tif").read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"s.tif: ends before"):
        volume.read()


def test_truncated_png(tmp_path, voxels):
    Image.fromarray(voxels[0]).save(tmp_path / "s1.png")
    data = (tmp_path / "s1.png").read_bytes()
    (tmp_path / "s1.png").write_bytes(data[:-40])
    with pytest.raises(ValueError, match=r"s1.png: truncated"):
        open_volume(str(tmp_path), SIZE)
    (tmp_path / "s1.png").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"s1.png: is not a PNG file"):
        open_volume(str(tmp_path), SIZE)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_damaged_section_is_named_at_reading(tmp_path, voxels, suffix):
    path = tmp_path / f"s.{suffix}"
    Image.fromarray(voxels[0]).save(
        path, **({"compression": "tiff_adobe_deflate"} if suffix == "tif" else {})
    )
    data = bytearray(path.read_bytes())
    data[300:900] = bytes(600)
    path.write_bytes(bytes(data))
    volume = open_volume(str(tmp_path), SIZE)
    with pytest.raises(ValueError, match=rf"s.{suffix}: .*cannot be decoded"):
        volume.read()


def test_compression_that_needs_another_package(tmp_path, voxels, monkeypatch):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, voxels[0], compression="zlib")
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        at = tif.pages.first.tags["Compression"].valueoffset
    data[at : at + 2] = struct.pack("<H", 34887)  # LERC
    path.write_bytes(bytes(data))
    monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", {1: None, 8: None})
    with pytest.raises(ValueError, match=r"compressed with LERC.*pip install imagecodecs"):
        open_volume(str(path), SIZE)


def test_complex_sections_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.zeros((2, 5, 6), np.complex64))
    with pytest.raises(ValueError, match=r"s.tif: got voxels of dtype complex64"):
        open_volume(f"{tmp_path}/s.tif", SIZE)


def test_disk_too_small_for_the_stack(tmp_path, monkeypatch):
    def full(file, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tiff_stack.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="no space for"):
        create_volume(f"{tmp_path}/s.tif", shape=(2, 3, 4), dtype="uint8", voxel_size_nm=SIZE)
    assert not (tmp_path / "s.tif").exists()


def test_real_stack_of_two_files(data_root):
    folder = data_root / "snemi3d_ac4"
    volume = open_volume(f"{folder}/train-input_z*.tif", SIZE)
    assert (volume.shape, volume.dtype) == ((100, 1024, 1024), np.uint8)
    parts = [
        tifffile.imread(folder / f"train-input_z{z}.tif", key=k)
        for z, k in [("000-049", 49), ("050-099", 0)]
    ]
    np.testing.assert_array_equal(volume[49:51].read(), parts)
    assert isinstance(volume.store, ts.TensorStore)
