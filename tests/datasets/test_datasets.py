"""The project's Kedro datasets."""

import base64
import io
import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from PIL import Image

from toys import generator, numbered_clip
from videogeneration.data.clips import Clip, Clips, ClipStream
from videogeneration.datasets.arrays import NumpyDataset
from videogeneration.datasets.films import FilmsDataset
from videogeneration.datasets.folders import (
    CheckpointDataset,
    CheckpointsDataset,
    ClipsDataset,
    FolderDataset,
    PredictionsDataset,
)
from videogeneration.datasets.pictures import PictureDataset
from videogeneration.datasets.tables import TableDataset
from videogeneration.reporting.films import Reel
from videogeneration.reporting.sheets import SheetFilm, contact_sheet
from videogeneration.training.checkpoints import Checkpoint


def test_arrays_come_back_memory_mapped(tmp_path: Path) -> None:
    dataset = NumpyDataset(filepath=str(tmp_path / "new" / "captions.npy"))
    assert not dataset.exists()
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    dataset.save(array)
    assert dataset.exists()
    loaded = dataset.load()
    assert isinstance(loaded, np.memmap)
    assert np.array_equal(loaded, array)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["captions.npy"]


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    dataset = NumpyDataset(filepath=str(tmp_path / "captions.npy"))
    dataset.save(np.zeros(3))
    with pytest.raises(DatasetError, match=r"captions\.npy|pickle|Object arrays"):
        dataset.save(np.array([object()], dtype=object))
    assert np.array_equal(dataset.load(), np.zeros(3))
    np.save(tmp_path / "captions.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DatasetError, match="Python objects"):
        dataset.load()


def test_a_folder_is_a_path_to_write_to(tmp_path: Path) -> None:
    dataset = FolderDataset(filepath=str(tmp_path / "films"))
    assert dataset.load() == tmp_path / "films"
    assert not dataset.exists()
    dataset.load().mkdir()
    dataset.save(tmp_path / "films")
    assert dataset.exists()
    with pytest.raises(DatasetError, match="the catalog says"):
        dataset.save(tmp_path / "elsewhere")


def reel(length: int) -> Reel:
    """A film of numbered frames beside its mirror image."""
    frames = numbered_clip(0, length, 64)
    return Reel([SheetFilm("a title", {"one": frames, "other": frames[:, :, ::-1]}, given=1)], 5.0)


def test_films_are_written_by_name_and_earlier_ones_stay(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "films"
    dataset = FilmsDataset(filepath=str(folder), artifact_path="films")
    assert not dataset.exists()
    dataset.save({"one": reel(4), "two": reel(3)})
    dataset.save({"two": reel(6)})
    assert dataset.exists()
    assert dataset.load() == [
        folder / name for name in ("one.gif", "one.mp4", "two.gif", "two.mp4")
    ]
    for name, length in (("one", 4), ("two", 6)):
        with av.open(str(folder / f"{name}.mp4")) as film:
            assert film.streams.video[0].codec_context.name == "h264"
            assert film.streams.video[0].frames == length
            assert film.streams.video[0].average_rate == 5
            assert film.streams.video[0].width > 2 * 256


def test_predictions_are_a_stream_when_they_are_saved(tmp_path: Path) -> None:
    dataset = PredictionsDataset(filepath=str(tmp_path / "predictions"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="no predictions here"):
        dataset.load()
    row = {"model": "gan", "sentence": "a sentence", "steps": 4}
    dataset.save((row, numbered_clip(number, 4)) for number in range(3))
    assert dataset.exists()
    predictions = dataset.load()
    assert predictions.table["model"].tolist() == ["gan"] * 3
    assert np.array_equal(predictions.frames(2), numbered_clip(2, 4))


def test_checkpoints_by_name_are_those_of_the_last_run(tmp_path: Path) -> None:
    dataset = CheckpointsDataset(filepath=str(tmp_path / "benchmark"))
    assert not dataset.exists()
    trained = {name: Checkpoint(tmp_path / "benchmark" / name) for name in ("ours", "original")}
    for checkpoint in trained.values():
        checkpoint.finish(generator(), {}, pd.DataFrame({"step": [1]}))
    dataset.save(trained)
    assert dataset.exists()
    assert dataset.load() == trained
    dataset.save({"ours": trained["ours"]})
    assert list(dataset.load()) == ["ours"]
    with pytest.raises(DatasetError, match="the catalog says"):
        dataset.save({"ours": Checkpoint(tmp_path / "elsewhere" / "ours")})


def test_clips_open_without_being_read(tmp_path: Path) -> None:
    dataset = ClipsDataset(filepath=str(tmp_path / "clips"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run the source's data pipeline first"):
        dataset.load()
    row = {"clip_id": "a", "split": "train", "caption": "a"}
    dataset.save(ClipStream((8, 8), [Clip(numbered_clip(0, 4), row)]))
    assert dataset.exists()
    loaded = dataset.load()
    assert isinstance(loaded, Clips)
    assert isinstance(loaded.frames, np.memmap)


def test_what_is_wrong_with_clips_reaches_the_user(tmp_path: Path) -> None:
    def clips() -> Iterator[Clip]:
        raise ValueError("person13_walking_d1.avi: truncated; get the file again")
        yield

    dataset = ClipsDataset(filepath=str(tmp_path / "clips"))
    with pytest.raises(DatasetError) as caught:
        dataset.save(ClipStream((8, 8), clips()))
    assert str(caught.value) == "person13_walking_d1.avi: truncated; get the file again"
    assert not dataset.exists()


def test_a_checkpoint_exists_once_it_is_finished(tmp_path: Path) -> None:
    dataset = CheckpointDataset(filepath=str(tmp_path / "mse"))
    (tmp_path / "mse").mkdir()
    assert not dataset.exists()
    checkpoint = Checkpoint(tmp_path / "mse")
    checkpoint.finish(generator(), {}, pd.DataFrame({"step": [1]}))
    dataset.save(checkpoint)
    assert dataset.exists()
    assert dataset.load() == checkpoint
    with pytest.raises(DatasetError, match="the catalog says"):
        dataset.save(Checkpoint(tmp_path / "gan"))


def test_pictures_come_back_and_have_a_preview(tmp_path: Path) -> None:
    dataset = PictureDataset(filepath=str(tmp_path / "new" / "sheet.png"))
    assert not dataset.exists()
    picture = Image.effect_noise((2400, 300), 40)
    dataset.save(picture)
    assert dataset.exists()
    assert dataset.load().tobytes() == picture.tobytes()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sheet.png"]
    preview = Image.open(io.BytesIO(base64.b64decode(dataset.preview())))
    assert preview.format == "PNG"
    assert preview.size == (1600, 200)


def test_of_a_long_sheet_the_preview_shows_whole_scenes(tmp_path: Path) -> None:
    dataset = PictureDataset(filepath=str(tmp_path / "sheet.png"))
    film = np.full((11, 128, 128), 90, np.uint8)
    scenes = [SheetFilm("walk", {"truth": film, "mse": film}, given=1)] * 8
    whole = contact_sheet(scenes)
    dataset.save(whole)
    assert whole.height > whole.width
    preview = Image.open(io.BytesIO(base64.b64decode(dataset.preview())))
    height = preview.height / preview.width * whole.width
    assert 0.3 * whole.width < height <= 0.6 * whole.width
    # as high as some scenes: what is drawn of one is drawn to its end
    some = [contact_sheet(scenes[:count]).height for count in (1, 2, 3)]
    assert min(abs(height - whole) for whole in some) < 12


def test_kedro_viz_knows_the_preview_by_its_name() -> None:
    preview = PictureDataset.preview.__annotations__["return"]
    assert getattr(preview, "__name__", preview) == "ImagePreview"


def test_films_play_in_a_preview_of_bounded_size(tmp_path: Path) -> None:
    dataset = FilmsDataset(filepath=str(tmp_path))
    dataset.save({"a & b": Reel(np.zeros((2, 8, 8), np.uint8), 5)})
    shown = dataset.preview()
    film = base64.b64encode((tmp_path / "a & b.mp4").read_bytes()).decode()
    assert f"data:video/mp4;base64,{film}" in shown
    assert "a &amp; b" in shown
    os.utime(tmp_path / "a & b.mp4", (1000, 1000))
    (tmp_path / "large.mp4").write_bytes(bytes(5_000_000))
    assert dataset.preview().count("<video") == 1


def test_tables_are_previewed_with_four_digits(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "a.csv"), save_args={"index": False})
    dataset.save(pd.DataFrame({"model": ["mse", "gan"], "psnr": [25.123456, np.nan], "n": [7, 8]}))
    shown = dataset.preview(nrows=9)
    assert shown["columns"] == ["model", "psnr", "n"]
    assert shown["data"] == [["mse", 25.12, 7], ["gan", None, 8]]
    assert len(dataset.preview(nrows=1)["data"]) == 1
