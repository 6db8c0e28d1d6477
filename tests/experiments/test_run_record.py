"""What a run leaves behind besides its results."""

import json
import subprocess

import pytest

from experiments import run_record


def test_the_environment_is_complete_and_is_json():
    found = json.loads(json.dumps(run_record.environment()))
    assert found["packages"]["jax"]
    assert found["cpu"]
    assert 1 <= found["threads"] <= found["cores"]
    assert found["instruction_set"]


def test_the_commit_of_a_clone_and_whether_it_is_changed(tmp_path):
    def git(*arguments):
        names = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        subprocess.run(["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    state = run_record.git_state(tmp_path)
    assert state is not None
    assert len(state["commit"]) == 40
    assert state["dirty"] is False
    (tmp_path / "new").write_text("")
    changed = run_record.git_state(tmp_path)
    assert changed == {"commit": state["commit"], "dirty": True}


def test_a_folder_that_is_no_clone(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_record.git_state(tmp_path) is None


def test_a_machine_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_record.git_state(tmp_path) is None


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.json"
    run_record.write_json(path, {"a": 1.5})
    assert json.loads(path.read_text()) == {"a": 1.5}
    with pytest.raises(TypeError):
        run_record.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1.5}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_stages_are_timed_by_name():
    seconds = {}
    with run_record.timed(seconds, "first"):
        pass
    with run_record.timed(seconds, "second"):
        pass
    assert list(seconds) == ["first", "second"]
    assert min(seconds.values()) >= 0
