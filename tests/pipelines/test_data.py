"""The data pipelines, run by Kedro with few clips of every source."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from PIL import Image

from projects import new_project, run
from toys import decoded
from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.sources import SOURCES, digits

pytestmark = pytest.mark.slow

COUNTS = {"train": 12, "validation": 2, "test": 4, "held_out": 4}
PEOPLE = {"subjects": 4, "scenarios": ["d1"], "sequences": 1, "films": 2, "processes": 1}
FEW: dict[str, dict[str, Any]] = {
    "kth": {"actions": "walking", "people": PEOPLE, "clips": {"size": 32}, "motions": 10},
    "icons": {"counts": COUNTS},
    "mnist": {"counts": COUNTS},
}
"""Parameters of few clips, a block a source."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which every data pipeline has run."""
    folder = new_project(tmp_path_factory.mktemp("project"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        bootstrap_project(folder)
        for source, block in FEW.items():
            run(folder, f"{source}_data", **{source: block})
        yield folder
    finally:
        mlflow.set_tracking_uri(None)
        os.chdir(before)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_clips_captions_a_report_and_a_sheet(project: Path, source: str) -> None:
    data = project / "data"
    clips = Clips.open(data / "03_primary" / source / "clips")
    grammar = Grammar.from_description(
        json.loads((data / "04_feature" / source / "grammar.json").read_text())
    )
    captions = np.load(data / "04_feature" / source / "captions.npy")
    said = [decoded(grammar.vocabulary, matrix) for matrix in captions]
    assert said == clips.table["caption"].tolist() == [grammar.check(text) for text in said]
    report = json.loads((data / "08_reporting" / source / "clips_report.json").read_text())
    assert report == clips.report()
    with Image.open(data / "08_reporting" / source / "preview_sheet.png") as sheet:
        assert min(sheet.size) > 100


@pytest.mark.slow
def test_people_are_not_made_again_from_the_same_recordings(project: Path) -> None:
    store = project / "data" / "03_primary" / "kth" / "clips"
    made = store.stat().st_mtime_ns
    run(project, "kth_data", kth=FEW["kth"])
    assert store.stat().st_mtime_ns == made
    listed = project / "data" / "01_raw" / "kth" / "rendered" / "00sequences.txt"
    listed.write_text(listed.read_text() + "\n")
    run(project, "kth_data", kth=FEW["kth"])
    assert store.stat().st_mtime_ns != made


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("kth", {"source": "cinema"}, r"kth\.source: 'cinema' should be 'rendered' or 'recorded'"),
    ("kth", {"source": "recorded"}, r"kth\.folder.*PATH"),
    ("kth", {"folder": "nowhere"}, "nowhere: no such folder"),
    ("kth", {"folder": "empty"}, "empty"),
    ("kth", {"acitons": "walking"}, r"kth\.acitons: .*did you mean 'actions'"),
    ("kth", {"actions": "flying"}, r"kth\.actions: 'flying' does not exist; known: walking"),
    ("kth", {"test_subjects": "9+x"}, r"kth\.test_subjects\.1: 'x'"),
    ("kth", {**FEW["kth"], "test_subjects": 24}, "test_subjects.*24"),
    ("kth", {"clips": {"size": "big"}}, r"kth\.clips\.size: 'big' should be a valid integer"),
    ("kth", {"people": {"subject": 4}}, r"kth\.people\.subject: .*did you mean 'subjects'"),
    ("icons", {"elements": "house+hous"}, "icon 'hous' does not exist; did you mean .*house"),
    ("icons", {"scenes": {"canvas": 30}}, r"icons\.scenes\.canvas: 30 is too small"),
    ("icons", {"counts": {"test": -1}}, r"icons\.counts\.test: -1"),
    ("mnist", {"source": "idx"}, r"mnist\.folder.*PATH"),
    ("mnist", {"folder": "empty"}, "empty: no MNIST set"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "block", "message"), BAD, ids=[str(bad[:2]) for bad in BAD])
def test_bad_parameters_end_in_one_clear_message_and_leave_the_clips(
    project: Path, source: str, block: dict[str, Any], message: str
) -> None:
    (project / "empty").mkdir(exist_ok=True)
    store = project / "data" / "03_primary" / source
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    with pytest.raises(Exception, match=message):
        run(project, f"{source}_data", **{source: block})
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


@pytest.mark.slow
def test_a_pipeline_goes_on_from_its_clips(project: Path) -> None:
    sheet = project / "data" / "08_reporting" / "icons" / "preview_sheet.png"
    sheet.unlink()
    run(project, "icons_data", ["icons.data.preview"])
    assert sheet.exists()


@pytest.mark.slow
def test_real_data_is_fetched_once(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = project / "data" / "01_raw" / "mnist" / "idx"
    folder.mkdir(parents=True)
    (folder / "a-ubyte.gz").write_bytes(b"there already")
    sums = {"a": hashlib.md5(b"there already").hexdigest()}
    monkeypatch.setattr(digits, "SUMS", sums)
    with caplog.at_level(logging.INFO, "videogeneration"):
        run(project, "mnist_download")
    assert [name for name in ("kth", "mnist", "icons") if f"{name}_download" in pipelines] == [
        "kth",
        "mnist",
    ]
    assert f"mnist.folder={folder}" in caplog.text
