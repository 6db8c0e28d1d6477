"""The page about the viewer: its code runs."""

import re
from pathlib import Path

import neuroglancer
import numpy as np

from data.opening import create_volume

PAGE = Path(__file__).parents[2] / "docs/viewer.md"


def test_volumes_without_a_run_become_layers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, dtype in (("stack", np.uint8), ("labels", np.uint64)):
        made = create_volume(
            f"{name}.zarr", shape=(2, 8, 8), dtype=dtype, voxel_size_nm=(30.0, 6.0, 6.0)
        )
        made.write(np.arange(128, dtype=dtype).reshape(2, 8, 8))
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict = {}
    try:
        exec(compile(program, "docs/viewer.md", "exec"), names)
        assert [layer.name for layer in names["viewer"].state.layers] == ["image", "labels"]
    finally:
        neuroglancer.stop()
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
