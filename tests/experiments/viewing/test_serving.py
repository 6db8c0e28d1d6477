"""The server: on loopback, until a signal; and what it says of mistakes."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from omegaconf import OmegaConf

from configs.schema import ViewRun
from experiments import view
from experiments.viewing.run import read_source, run
from experiments.viewing.scene import scene
from experiments.viewing.server import serving, until_signal


def asked(path: str) -> ViewRun:
    return ViewRun(run=path, port=0)


def test_a_missing_run_is_asked_for():
    with pytest.raises(ValueError, match="got no run; needs run=DIR"):
        run(ViewRun(port=0))


def test_another_folder_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"needs a run directory of experiments\.recon"):
            run(asked(str(folder)))


def test_a_run_that_has_done_nothing_yet_says_how_to_go_on(tmp_path):
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("- data=phantom\n")
    with pytest.raises(ValueError, match=r"got none of membrane\.zarr.*hydra\.run\.dir"):
        run(asked(str(tmp_path)))


def test_a_port_in_use_is_named(folder):
    state = scene(folder, read_source(folder))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"got port={port}.*in use.*any"), serving(state, port):
            pass


@pytest.mark.parametrize("port", [-1, 2**16])
def test_a_port_that_cannot_be_is_named(folder, port):
    state = scene(folder, read_source(folder))
    with pytest.raises(ValueError, match=f"got port={port}; needs"), serving(state, port):
        pass


def test_it_is_served_on_loopback_and_gone_afterwards(folder):
    with serving(scene(folder, read_source(folder)), 0) as viewer:
        address = viewer.get_viewer_url()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as page:
            assert "neuroglancer" in page.read().decode().lower()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_is_done_and_is_then_as_before(number):
    before, done = signal.getsignal(number), []
    with until_signal():
        done.append("this")
        signal.raise_signal(number)
        done.append("and more")
    assert done == ["this"] and signal.getsignal(number) is before


def test_without_neuroglancer_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "neuroglancer", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[viewer\]'"):
        view.main.__wrapped__(OmegaConf.create({"run": None, "port": 0}))


def test_a_view_as_a_user_starts_and_ends_it(folder, tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    command = [sys.executable, "-u", "-W", "error", "-m", "experiments.view", f"run={folder}"]
    variables = {**os.environ, "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(
        command, cwd=place, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as started:
        assert started.stdout is not None
        said = []
        for line in started.stdout:
            said.append(line.decode())
            if "Ctrl-C" in said[-1]:
                break
        started.send_signal(signal.SIGINT)
        rest = started.stdout.read().decode()
    words = "".join(said)
    assert "segmentation, skeletons" in words and "membrane (hidden)" in words
    port = words.split("http://127.0.0.1:")[1].split("/")[0]
    assert f"ssh -L {port}:127.0.0.1:{port}" in words
    assert (started.returncode, rest) == (0, "stopped\n")
    assert not list(place.iterdir())
