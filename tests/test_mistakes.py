"""What is said in a line, and what needs its traceback."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError

from videogeneration.data.clips import Clips
from videogeneration.datasets.folders import ClipsDataset, PredictionsDataset
from videogeneration.evaluation.protocols import Protocol
from videogeneration.mistakes import mistake
from videogeneration.training.checkpoints import build
from videogeneration.validated import check_name


def raised(call: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Protocol.parse("5in10"), "protocols: '5in10'; write"),
        (lambda: check_name("a", ["b"], "it"), "it 'a' does not exist; known: b"),
        (lambda: build("resnet", {}), "network: 'resnet'; choose"),
        (lambda: Path("/nowhere").read_text(), "[Errno 2] No such file or directory: '/nowhere'"),
        (lambda: PredictionsDataset(filepath="/nowhere").load(), "/nowhere/films.parquet: no"),
        (lambda: ClipsDataset(filepath="/tmp").save(None), "Saving 'None'"),
    ],
)
def test_what_is_raised_to_be_read_is_said(call: Callable[[], Any], said: str) -> None:
    found = mistake(raised(call))
    assert found is not None
    assert found.startswith(said)
    assert "\n" not in found


@pytest.mark.parametrize(
    "call",
    [
        lambda: int("no number"),
        lambda: np.stack([]),
        lambda: np.zeros(3).reshape(2, 2),
        lambda: {}["key"],
        lambda: Clips.open(None),  # type: ignore[arg-type]
        # of a dataset, too
        lambda: PredictionsDataset(filepath="/tmp").save(3),  # type: ignore[arg-type]
    ],
)
def test_a_bug_is_none(call: Callable[[], Any]) -> None:
    assert mistake(raised(call)) is None


def test_an_error_that_was_never_raised_is_none() -> None:
    assert mistake(ValueError("words")) is None
    assert mistake(DatasetError("words")) is None
