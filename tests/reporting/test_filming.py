"""Films that are written while they are drawn."""

import weakref
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toys import LEFT, RIGHT
from videogeneration.captions import ActionGrammar
from videogeneration.reporting.filming import OPENING, Filmed, Scene, film
from videogeneration.reporting.sheets import contact_sheet

VOCABULARY = ActionGrammar().vocabulary


class Darker(nn.Module):
    """Draws the last frame, darker by a thousandth; knows which of its frames are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: weakref.WeakSet[Tensor] = weakref.WeakSet()
        self.most = 0

    def forward(self, history: Tensor, caption: Tensor) -> Tensor:
        frame = history[:, -1:] - 0.001
        self.alive.add(frame)
        self.most = max(self.most, len(self.alive))
        return frame


def shoot(path: Path, network: nn.Module, steps: int, given: int = 1) -> Filmed:
    frames = torch.linspace(0.7, 0.9, given).view(1, given, 1, 1).expand(2, given, 32, 32).numpy()
    scene = Scene("a title", frames, [LEFT, RIGHT], ["one", "other"])
    return film(scene, network, VOCABULARY, steps, path, 5.0)


def test_a_thousand_steps_hold_a_few_frames(tmp_path: Path) -> None:
    network = Darker()
    filmed = shoot(tmp_path / "long", network, 1000)
    # those of the contact sheet and the opening, and the ones in the making
    assert network.most <= OPENING + 12 + 4
    with av.open(str(tmp_path / "long.mp4")) as container:
        assert container.streams.video[0].frames == 1001
    assert filmed.steps[0] == 1
    assert filmed.steps[-1] == 1000
    assert np.diff(filmed.steps) == pytest.approx(100, abs=1)


def test_what_is_kept_is_what_was_drawn(tmp_path: Path) -> None:
    filmed = shoot(tmp_path / "film", Darker(), 30, given=3)
    assert filmed.files == [tmp_path / "film.gif", tmp_path / "film.mp4"]
    assert filmed.openings.shape == (2, 1 + OPENING, 32, 32)
    lights = filmed.openings[0].mean(axis=(1, 2))
    assert lights == pytest.approx(0.9 - 0.001 * np.arange(1 + OPENING), abs=1e-5)
    sheet = filmed.sheet("a title", {"one": 0, "other": 1})
    assert (sheet.given, sheet.length) == (1, 12)
    assert sheet.count(0) == "given"
    assert sheet.count(11) == "step 30"
    for index, step in enumerate(filmed.steps, 1):
        assert sheet.rows["one"][index].mean() == pytest.approx(0.9 - 0.001 * step, abs=1e-5)
    assert contact_sheet([sheet]).width > 12 * 128


def test_a_film_has_given_and_drawn_frames(tmp_path: Path) -> None:
    shoot(tmp_path / "film", Darker(), 7, given=3)
    for ending in (".gif", ".mp4"):
        with av.open(str(tmp_path / f"film{ending}")) as container:
            pages = [f.to_ndarray(format="gray") for f in container.decode(video=0)]
        assert len(pages) == 10
        corner = [page[-20, 20] for page in pages]
        expected = [255 * x for x in (0.7, 0.8, 0.9)] + [
            255 * (0.9 - 0.001 * k) for k in range(1, 8)
        ]
        assert corner == pytest.approx(expected, abs=3)


def test_a_first_frame_that_was_drawn_is_not_called_given(tmp_path: Path) -> None:
    scene = Scene("", np.full((1, 1, 32, 32), 0.5, np.float32), [LEFT], [""], drawn=True)
    sheet = film(scene, Darker(), VOCABULARY, 5, tmp_path / "film", 5.0).sheet("", {"": 0})
    assert sheet.given == 0
    assert [sheet.count(index) for index in range(6)] == [f"step {step}" for step in range(6)]
