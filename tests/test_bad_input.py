"""Damaged and hostile input: refused in words, or read; no crash, no hang, no code that runs."""

import ast
import json
import os
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile import KINDS
from projects import ROOT
from videogeneration.captions import CaptionError, Grammar
from videogeneration.sources import SOURCES
from videogeneration.sources.digits import read_idx
from videogeneration.sources.kth.sequences import LIST_NAME, KthError, read_sequence_list
from videogeneration.sources.kth.videos import find_videos
from videogeneration.validated import SettingsError

MOST_MEGABYTES = 2000

FEW, MANY = 6, 120
"""Files of a kind; the many are a thousand and more in all."""

few = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def read_damaged(kinds: list[str], count: int, folder: Path) -> None:
    """Damaged files of some kinds, in a process of its own: nothing goes wrong."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-m", "hostile", ",".join(kinds), str(count), "1", str(folder / "files")],
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, "PYTHONPATH": paths},
        cwd=folder,
        check=False,
    )
    # the last case that it names is the one that ended it
    assert done.returncode == 0, done.stderr[-3000:]
    made = json.loads(done.stdout.splitlines()[-1])
    print(kinds, made)
    assert made["wrong"] == []
    assert made["megabytes"] < MOST_MEGABYTES
    assert made["tried"] == made["read"] + made["refused"] == count * len(kinds)
    assert made["refused"] > made["tried"] // 4


@pytest.mark.slow
def test_a_few_damaged_files_of_every_kind(tmp_path: Path) -> None:
    read_damaged(list(KINDS), FEW, tmp_path)


@pytest.mark.hostile
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files(kind: str, tmp_path: Path) -> None:
    read_damaged([kind], MANY, tmp_path)


# --- parsers


@few
@given(
    st.text("person01_walkingd frames,-\\t\\n123*missing:Tt", max_size=300) | st.text(max_size=99)
)
def test_any_list_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / LIST_NAME
    path.write_text(text, "utf-8", "surrogatepass")
    try:
        listed = read_sequence_list(path)
    except KthError as error:
        assert str(path) in str(error)
    else:
        assert all(first <= last for x in listed.videos.values() for first, last in x.ranges)


@few
@given(
    st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5), max_size=5),
    st.integers(0, 255) | st.just(8),
    st.binary(max_size=200),
)
def test_any_idx_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], kind: int, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "t10k-images-idx3-ubyte"
    head = bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    path.write_bytes(head + data)
    try:
        assert read_idx(path).shape == tuple(shape)
    except ValueError as error:
        assert str(path) in str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
NAMES = ["source", "folder", "actions", "split", "test_subjects", "people", "clips", "elements"]


@few
@given(st.sampled_from(sorted(SOURCES)), st.dictionaries(st.sampled_from(NAMES), VALUES) | VALUES)
def test_any_settings_are_read_or_refused(name: str, block: Any) -> None:
    try:
        SOURCES[name].read_settings(block)
    except SettingsError as error:
        assert str(error).startswith((f"{name}.", f"{name}: "))


@few
@given(st.sampled_from(sorted(SOURCES)), st.text(max_size=60))
def test_any_sentence_is_completed_or_refused(name: str, sentence: str) -> None:
    source = SOURCES[name]
    grammar: Grammar = source.grammar(source.read_settings({}))
    with suppress(CaptionError):
        assert grammar.check(grammar.complete(sentence))


def test_odd_names_of_files_are_no_videos(tmp_path: Path) -> None:
    names = ["person01_walking_d1.avi\n", "\u202e.avi", "person01_walking_d1..avi", "a\tb.zip.avi"]
    for name in [os.fsdecode(b"person\xff_walking_d1.avi"), *names]:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "person01_walking_d1.avi").mkdir()
    assert find_videos(tmp_path, ["walking"]) == {}


# --- code


def test_nothing_is_unpickled() -> None:
    """No pickle anywhere, and what could read one is told not to."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                names.append(getattr(node, "module", None) or "")
                packages = {name.split(".")[0] for name in names}
                assert not packages & {"pickle", "dill", "cloudpickle", "joblib", "shelve"}, where
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner, name = ast.unparse(node.func.value), node.func.attr
            given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
            assert given.get("allow_pickle", False) is False, where
            assert name not in ("read_pickle", "unsafe_load", "full_load"), where
            if (owner, name) == ("torch", "load"):
                assert given.get("weights_only") is True, where
            if owner == "yaml":
                assert name not in ("load", "load_all"), where
