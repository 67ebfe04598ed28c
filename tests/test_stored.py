"""Files and folders are written whole or not at all."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from videogeneration.stored import whole


def test_a_file_appears_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "scores.csv"
    with whole(path) as other:
        other.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert [x.name for x in path.parent.iterdir()] == ["scores.csv"]


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "clips"
    for name in ("old", "new"):
        with whole(path) as folder:
            folder.mkdir()
            (folder / name).write_text(name)
    assert [x.name for x in path.iterdir()] == ["new"]
    assert [x.name for x in tmp_path.iterdir()] == ["clips"]


@pytest.mark.parametrize("folder", [True, False])
def test_an_error_leaves_the_earlier_one(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "one"
    path.write_text("old")
    with pytest.raises(OSError, match="no space"), whole(path) as other:
        if folder:
            other.mkdir()
            (other / "half").write_text("half")
        else:
            other.write_text("half")
        raise OSError("no space left")
    assert path.read_text() == "old"
    assert [x.name for x in tmp_path.iterdir()] == ["one"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "clips"
    killed = whole(path)
    with killed as left:
        left.mkdir()
        (left / "half").write_text("half")
        with whole(path) as folder:
            assert folder == left
            folder.mkdir()
            (folder / "all").write_text("all")
        assert [x.name for x in tmp_path.iterdir()] == ["clips"]
        left.mkdir()  # for the end of the first one
    assert list(path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "can only be read"), (errno.EACCES, "may not")],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, number: int, remedy: str) -> None:
    path = tmp_path / "scores.csv"
    with pytest.raises(OSError, match=rf"{remedy}.*scores\.csv"), whole(path):
        raise OSError(number, os.strerror(number))


def test_a_library_that_runs_out_of_room_may_say_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    with (
        pytest.raises(OSError, match=r"the disk is full.*training\.pt"),
        whole(tmp_path / "training.pt"),
    ):
        raise RuntimeError("unexpected pos 54016 vs 53910")
    with pytest.raises(ValueError, match="no clip"), whole(tmp_path / "clips"):
        raise ValueError("no clip")
