"""Two runs never write into one directory, and a killed one does not keep the next one out."""

import errno
import logging
import os
import signal
import socket
import subprocess
import sys

import pytest

from experiments.reconstruction import lock
from experiments.reconstruction.lock import locked

HOLDER = """
import pathlib, signal, sys
from experiments.reconstruction.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def test_a_second_run_is_told_who_holds_the_lock_until_that_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        found = rf"process {holder.pid} on {socket.gethostname()} is writing"
        with pytest.raises(BlockingIOError, match=found), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    for _ in range(2):
        with locked(tmp_path):
            assert f"process {os.getpid()} on" in (tmp_path / ".lock").read_text()


def test_a_file_system_without_locks_gets_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(lock.fcntl, "flock", failing_with(errno.ENOSYS))
    with caplog.at_level(logging.WARNING), locked(tmp_path):
        assert "its file system has no locks" in caplog.text


def test_another_error_of_locking_is_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(lock.fcntl, "flock", failing_with(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"), locked(tmp_path):
        pass


def failing_with(number):
    def flock(file, how):
        raise OSError(number, os.strerror(number))

    return flock
