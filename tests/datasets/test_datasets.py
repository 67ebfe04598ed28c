"""The project's Kedro datasets."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from PIL import Image

from toys import generator, numbered_clip, write_store
from videogeneration.data.clips import Clips
from videogeneration.datasets.arrays import NumpyDataset
from videogeneration.datasets.folders import (
    CheckpointDataset,
    ClipsDataset,
    FilesDataset,
    FolderDataset,
)
from videogeneration.datasets.pictures import PictureDataset
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


def test_files_are_written_where_the_catalog_says(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    dataset = FilesDataset(filepath=str(folder), artifact_path="films")
    assert not dataset.exists()
    folder.mkdir()
    for name in ("earlier.gif", "new.gif"):
        (folder / name).write_text(name)
    dataset.save([folder / "new.gif"])
    assert dataset.load() == [folder / "earlier.gif", folder / "new.gif"]
    with pytest.raises(DatasetError, match="the catalog says"):
        dataset.save([tmp_path / "elsewhere.gif"])


def test_clips_open_without_being_read(tmp_path: Path) -> None:
    dataset = ClipsDataset(filepath=str(tmp_path / "clips"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run the source's data pipeline first"):
        dataset.load()
    clips = write_store(tmp_path / "clips", [(numbered_clip(0, 4), {})])
    dataset.save(clips)
    assert dataset.exists()
    loaded = dataset.load()
    assert isinstance(loaded, Clips)
    assert isinstance(loaded.frames, np.memmap)
    other = write_store(tmp_path / "other", [(numbered_clip(0, 4), {})])
    with pytest.raises(DatasetError, match=r"other.*the catalog says.*clips"):
        dataset.save(other)


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


def test_kedro_viz_knows_the_preview_by_its_name() -> None:
    preview = PictureDataset.preview.__annotations__["return"]
    assert getattr(preview, "__name__", preview) == "ImagePreview"
