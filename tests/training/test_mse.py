"""MSE training: it learns to move what it sees, the way the sentence says."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from toys import (
    AHEAD,
    CPU,
    LABELS,
    LEFT,
    RIGHT,
    block_store,
    encode,
    generator,
    mse_task,
    start,
    window_settings,
    windows_over,
)
from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import HISTORY, Clips
from videogeneration.data.windows import Windows, WindowSettings, histories
from videogeneration.evaluation.metrics import psnr
from videogeneration.models.generator import Generator
from videogeneration.models.generator_losses import in_half_frames
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.training.device import Device
from videogeneration.training.mse import MseSettings, MseTask, add_history_noise

pytestmark = pytest.mark.slow

STEPS = 200


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return block_store(tmp_path_factory.mktemp("blocks") / "clips")


@pytest.fixture(scope="module")
def learned(clips: Clips) -> FilmModel:
    """A small generator that has learned how blocks move."""
    settings = MseSettings(
        steps=STEPS,
        batch_size=8,
        learning_rate=6e-3,
        warmup=10,
        ema_decay=0.97,
        history_noise=0.02,
    )
    varied = window_settings(mirror=0.5, single_frame=0.4)
    cut = Windows(
        clips.split("train"), encode(clips), ActionGrammar(), varied, 8, AHEAD, labels=LABELS
    )
    network = generator(dropout=0.0, losses={"drawn": 2})
    CPU.place(network)
    task = MseTask(network, cut, settings, CPU)
    for step, batch in enumerate(task.batches(0, STEPS)):
        torch.manual_seed(step)
        task.step(step, batch)
    network = task.result()
    assert isinstance(network, FilmModel)
    return network


def films(
    network: FilmModel, given: Sequence[np.ndarray], captions: Sequence[str], steps: int
) -> np.ndarray:
    history, valid = histories(given)
    encode = ActionGrammar().vocabulary.encode
    said = torch.stack([torch.from_numpy(encode(caption)).float() for caption in captions])
    return network.eval().generate(history, valid, said, steps).numpy()


def centre(frames: np.ndarray) -> np.ndarray:
    """Column of the block's centre, in pixels, for every frame `[..., H, W]`."""
    return (frames * np.arange(frames.shape[-1])).sum((-2, -1)) / frames.sum((-2, -1))


def test_it_beats_copying_the_last_frame_on_unseen_clips(learned: FilmModel, clips: Clips) -> None:
    test = clips.split("test")
    true = [test[i].astype(np.float32) / 255 for i in range(len(test))]
    drawn = films(learned, [clip[:4] for clip in true], list(test.table["caption"]), 3)
    ours = np.mean([psnr(film, clip[4:7]) for film, clip in zip(drawn, true, strict=True)])
    copies = [np.repeat(clip[3:4], 3, axis=0) for clip in true]
    copied = np.mean([psnr(film, clip[4:7]) for film, clip in zip(copies, true, strict=True)])
    assert ours > copied + 4


@pytest.mark.parametrize(("caption", "way"), [(LEFT, -1), (RIGHT, 1)])
def test_it_obeys_the_sentence_from_a_single_frame(
    learned: FilmModel, clips: Clips, caption: str, way: int
) -> None:
    test = clips.split("test")
    # whichever way the block of the clip moves; in mid-picture, with room to both sides
    given = [test[i][3:4].astype(np.float32) / 255 for i in range(len(test))]
    drawn = films(learned, given, [caption] * len(given), 2)
    moved = way * (centre(drawn) - centre(np.stack(given)))
    assert (moved[:, 0] > 0).all()
    assert np.median(moved[:, 1] - moved[:, 0]) > 1
    # about the three pixels a frame that blocks move by
    assert np.median(moved[:, 0]) == pytest.approx(3, abs=1.5)


def test_noise_is_put_on_present_frames_only() -> None:
    torch.manual_seed(0)
    history = torch.full((64, 10, 8, 8), 0.5)
    history[:, :6] = 0
    clean = start(history, *[LEFT] * 64)
    noisy = add_history_noise(clean, 0.2)
    assert noisy.history[:, :6].eq(0).all()
    assert noisy.history[:, 6:].ne(0.5).any(1).all()
    assert noisy.history.max() <= 1
    assert noisy.noise.shape == (64,)
    assert noisy.noise.min() >= 0
    assert 0.1 < noisy.noise.max() <= 0.2
    # each window has noise of its own strength
    measured = (noisy.history - history)[:, 6:].flatten(1).std(1)
    assert torch.allclose(measured, noisy.noise, rtol=0.25, atol=0.002)
    assert history[:, 6:].eq(0.5).all()


def test_no_noise_leaves_the_history_as_it_is() -> None:
    clean = start(torch.rand(4, 10, 8, 8), *[LEFT] * 4)
    noisy = add_history_noise(clean, 0.0)
    assert torch.equal(noisy.history, clean.history)
    assert noisy.noise.eq(0).all()


class Constant(FilmModel):
    """Draws one grey value everywhere."""

    horizon = 2

    def __init__(self) -> None:
        super().__init__()
        self.grey = nn.Parameter(torch.tensor(0.25))

    def predict(self, batch: Batch) -> torch.Tensor:
        return self.grey.expand(len(batch.history), 2, *batch.history.shape[-2:]) + 0


def constant_task(clips: Clips, **settings: Any) -> MseTask:
    chosen = MseSettings(**{"steps": 100, "history_noise": 0.0, "motion_weight": 1.0, **settings})
    cut = windows_over(clips, window_settings(), batch_size=3, future=2)
    return MseTask(Constant(), cut, chosen, CPU)


def test_the_figures_are_the_plain_square_error_of_what_is_known(clips: Clips) -> None:
    task = constant_task(clips, learning_rate=1e-9)
    counted = set()
    for step in range(12):
        batch = task.windows.batch(step)
        figures = task.step(step, batch)
        expected = (batch.future - 0.25)[batch.future_valid].square().mean()
        assert figures["mse"].item() == pytest.approx(expected.item(), rel=1e-4)
        assert figures["loss"].item() == pytest.approx(expected.item(), rel=1e-4)
        assert figures["examples"].item() == batch.future_valid.sum()
        counted.add(figures["examples"].item())
    assert len(counted) > 1  # at the end of a clip there is only one frame to come


def test_what_moves_counts_more(clips: Clips) -> None:
    losses = []
    for weight in (1.0, 4.0):
        task = constant_task(clips, learning_rate=1e-9, motion_weight=weight)
        losses.append(task.step(0, task.windows.batch(0)))
    assert losses[0]["mse"] == losses[1]["mse"]
    assert losses[1]["loss"] > losses[0]["loss"]


def test_paths_are_taught_from_tracks_as_they_were_found(clips: Clips) -> None:
    """Before anything is learned a figure goes on as it went: if it was found where it was."""
    task = mse_task(clips, steps=1)
    network, batch = task.network, add_history_noise(task.windows.batch(0), 0.0)
    assert isinstance(network, Generator)
    poses = in_half_frames(batch.labels["poses"], *batch.history.shape[-2:])
    right = poses[:, :HISTORY, :, :2].transpose(1, 2)
    costs = []
    for places in (right, right * torch.tensor([-1.0, 1.0])):
        network.motion.tracks.forward = lambda *given, places=places: places  # type: ignore[method-assign]
        torch.manual_seed(0)
        costs.append(network.training_loss(batch)[1]["poses"])
    assert costs[0] < costs[1] - 0.1


def test_the_rate_follows_its_schedule(clips: Clips) -> None:
    task = mse_task(clips, steps=100, warmup=10, learning_rate=0.5)
    batch = task.windows.batch(0)
    rates = []
    for step in (0, 9, 99):
        task.step(step, batch)
        rates.append(task.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.05, 0.5, 0.005], rel=0.05)


def test_the_average_lags_behind_the_weights(clips: Clips) -> None:
    task = mse_task(clips, ema_decay=0.9)
    first = [p.clone() for p in task.network.parameters()]
    task.step(0, task.windows.batch(0))
    kept = list(task.result().parameters())
    for old, mean, new in zip(first, kept, task.network.parameters(), strict=True):
        assert torch.allclose(mean, old.lerp(new, 0.9), atol=1e-6)  # short at the start
    task = mse_task(clips, ema_decay=0.0)
    task.step(0, task.windows.batch(0))
    for mean, weight in zip(task.result().parameters(), task.network.parameters(), strict=True):
        assert torch.equal(mean, weight)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("steps", "many"),
        ("steps", 1.5),
        ("batch_size", -1),
        ("warmup", 0),
        ("learning_rate", 0.0),
        ("learning_rate", "fast"),
        ("motion_weight", -1.0),
        ("ema_decay", 1.5),
        ("history_noise", -0.1),
        ("stepps", 5),
    ],
)
def test_settings_that_cannot_be_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        MseSettings(**{name: value})


def test_a_batch_of_one_window_is_refused_where_it_cannot_be(clips: Clips) -> None:
    network, cut = generator(), mse_task(clips, batch_size=1).windows
    network.add_module("norm", nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match=r"mse\.batch_size: 1, but .*choose 2 or more"):
        MseTask(network, cut, MseSettings(batch_size=1), CPU)


@pytest.mark.parametrize("figures", [1, 2])
def test_it_trains_in_bfloat16(clips: Clips, figures: int) -> None:
    settings = MseSettings(steps=3, batch_size=4, warmup=1)
    device = Device("cpu", "bfloat16")
    cut = Windows(
        clips.split("train"),
        encode(clips),
        ActionGrammar(),
        WindowSettings(),
        4,
        AHEAD,
        labels=LABELS,
    )
    network = generator(figures=figures)
    device.place(network)
    task = MseTask(network, cut, settings, device)
    for step, batch in enumerate(task.batches(0, 3)):
        learned = task.step(step, batch)
        assert all(figure.isfinite() for figure in learned.values())
        assert ("matching" in learned) == (figures > 1)
    assert all(weight.dtype == torch.float32 for weight in task.network.parameters())


def test_what_follows_figures_learns_faster(clips: Clips) -> None:
    task = mse_task(clips, steps=40, warmup=1, learning_rate=1e-3)
    task.step(0, next(iter(task.batches(0, 1))))
    rates = {
        id(weight): group["lr"]
        for group in task.optimizer.param_groups
        for weight in group["params"]
    }
    assert isinstance(task.network, Generator)
    assert len(rates) == len(list(task.network.parameters()))
    quick = {id(weight) for weight in task.network.motion.parameters()}
    for weight, rate in rates.items():
        assert rate == pytest.approx(3e-3 if weight in quick else 1e-3)
