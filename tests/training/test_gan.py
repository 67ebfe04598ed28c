"""Adversarial training: the three schedules, the warm-up, and the figures of both sides."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toys import AHEAD, block_store, gan_task
from videogeneration.data.clips import Clips
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.training.gan import GanSettings, GanTask


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return block_store(tmp_path_factory.mktemp("blocks") / "clips", each=4)


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def moved(before: list[Tensor], network: nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def take(task: GanTask, steps: range) -> list[dict[str, Tensor]]:
    figures = []
    for step, batch in enumerate(task.batches(steps.start, steps.stop), steps.start):
        torch.manual_seed(step)
        figures.append(task.step(step, batch))
    return figures


class Spot(FilmModel):
    """A generator of one weight: it paints every frame in one grey value."""

    def __init__(self) -> None:
        super().__init__()
        self.grey = nn.Parameter(torch.tensor(0.5))

    def predict(self, batch: Batch) -> Tensor:
        return self.grey.expand(len(batch.history), AHEAD, *batch.history.shape[-2:]) + 0


class Brightness(nn.Module):
    """A discriminator that calls bright frames real: its logit is the mean grey value x weight."""

    embed = None

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, frame: Tensor, history: Tensor, caption: Tensor) -> Tensor:
        return self.weight * frame.mean((1, 2))[:, None, None]


def plain_task(clips: Clips, **settings: Any) -> GanTask:
    """The spot against brightness: gradients that can be said in advance."""
    task = gan_task(clips)
    chosen = GanSettings(
        **{
            "steps": 12,
            "discriminator_warmup": 3,
            "batch_size": 4,
            "history_noise": 0.0,
            "motion_weight": 1.0,
            "generator_rate": 1e-9,
            "discriminator_rate": 1e-9,
            "wrong_captions": 0.0,
            **settings,
        }
    )
    spot, brightness = Spot(), Brightness()
    return GanTask(spot, brightness, task.windows, chosen, task.device)  # type: ignore[arg-type]


def gradients(clips: Clips, **settings: Any) -> list[tuple[float, float, float]]:
    """For every step: the generator's gradient, and those of its two losses alone."""
    task = plain_task(clips, **settings)
    found = []
    for step, batch in enumerate(task.batches(0, 15)):
        task.step(step, batch)
        grey = task.generator.grey.grad  # type: ignore[union-attr]
        # adversarial: the hinge loss is -0.5 x ... = -grey; square error: 2 (grey - true)
        square = 2 * (0.5 - batch[-1].future[batch[-1].future_valid].mean().item())
        found.append((0.0 if grey is None else float(grey), -1.0, square))  # type: ignore[arg-type]
    return found


def test_adversarial_follows_the_discriminator_alone(clips: Clips) -> None:
    for step, (gradient, against, _) in enumerate(
        gradients(clips, schedule="adversarial", adversarial=0.5, reconstruction=7.0)
    ):
        assert gradient == pytest.approx(0.0 if step < 3 else 0.5 * against, abs=1e-4)


def test_joint_follows_both(clips: Clips) -> None:
    for step, (gradient, against, square) in enumerate(
        gradients(clips, schedule="joint", adversarial=0.5, reconstruction=3.0)
    ):
        expected = 0.5 * against + 3.0 * square
        assert gradient == pytest.approx(0.0 if step < 3 else expected, abs=1e-4)


@pytest.mark.parametrize("schedule", ["adversarial", "joint"])
def test_the_discriminator_learns_in_every_step_whatever_the_schedule(
    clips: Clips, schedule: str
) -> None:
    task = gan_task(clips, schedule=schedule)
    for step in range(8):
        before = weights(task.discriminator)
        take(task, range(step, step + 1))
        assert moved(before, task.discriminator)


def test_the_warm_up_leaves_the_generator_as_it_is(clips: Clips) -> None:
    task = gan_task(clips, discriminator_warmup=4)
    generator, average = weights(task.generator), weights(task.result())
    discriminator = weights(task.discriminator)
    figures = take(task, range(4))
    assert not moved(generator, task.generator)
    assert not moved(average, task.result())
    assert moved(discriminator, task.discriminator)
    assert all("generator_loss" not in row for row in figures)
    (row,) = take(task, range(4, 5))
    assert moved(generator, task.generator)
    assert moved(average, task.result())
    assert "generator_loss" in row


def test_the_generators_step_leaves_the_discriminator_alone(clips: Clips) -> None:
    task = gan_task(clips)
    before = weights(task.discriminator)
    buffers = [buffer.clone() for buffer in task.generator.buffers()]
    (batch,) = next(task.batches(5, 6))
    task.update_generator(batch, *task.generator.imitate(batch))
    assert not moved(before, task.discriminator)
    for old, new in zip(buffers, task.generator.buffers(), strict=True):
        assert torch.equal(old, new)


def test_a_generator_is_told_that_an_adversary_comes(clips: Clips) -> None:
    class Frozen(Spot):
        def begin_adversarial(self) -> None:
            self.requires_grad_(False)

    task = gan_task(clips)
    assert all(weight.requires_grad for weight in task.generator.parameters())
    against = (task.discriminator, task.windows, task.settings, task.device)
    task = GanTask(Frozen(), *against)
    assert not any(weight.requires_grad for weight in task.generator.parameters())


def test_update_ratio(clips: Clips) -> None:
    task = gan_task(clips, discriminator_updates=3)
    stream = list(task.batches(2, 5))
    assert [len(batches) for batches in stream] == [3, 3, 3]
    for step, batches in enumerate(stream, 2):
        for number, batch in enumerate(batches):
            assert torch.equal(batch.future, task.windows.batch(3 * step + number).future)
    counted = []
    for name, optimizer in task.optimizers.items():
        optimizer.register_step_post_hook(lambda *_, name=name: counted.append(name))
    task.step(5, stream[0])
    assert counted == ["discriminator"] * 3 + ["generator"]


class Fixed(nn.Module):
    """A discriminator whose logits are given, first for real, then for generated frames."""

    embed = None

    def __init__(self, *answers: list[float]) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.answers = list(answers)

    def forward(self, frame: Tensor, history: Tensor, caption: Tensor) -> Tensor:
        # so many patches a frame
        return torch.tensor(self.answers.pop(0)).view(len(frame), -1, 1) + self.shift


def test_accuracy_and_losses_of_known_logits(clips: Clips) -> None:
    task = plain_task(clips, schedule="adversarial", adversarial=1.0)
    opponent = Fixed([2.0, 0.5, 0.5, -1.0], [-2.0, -0.5, 1.0, 1.0], [0.5, 0.5, -3.0, 0.0])
    task.discriminator = task.modules["discriminator"] = opponent  # type: ignore[assignment]
    (batch,) = next(task.batches(3, 4))
    # a window that has no frame at the place that is picked would be left out
    whole = replace(batch, future_valid=torch.ones_like(batch.future_valid))
    figures = task.step(3, [whole])
    assert figures["accuracy_real"].item() == 0.75
    assert figures["accuracy_generated"].item() == 0.5
    # hinge: (0 + 0.5 + 0.5 + 2) / 4 on real ones, (0 + 0.5 + 2 + 2) / 4 on generated ones
    assert figures["discriminator_loss"].item() == pytest.approx(0.75 + 1.125)
    assert figures["adversarial_loss"].item() == pytest.approx(0.5)
    assert figures["generator_loss"].item() == pytest.approx(0.5)


def test_figures_show_both_sides(clips: Clips) -> None:
    (figures,) = take(gan_task(clips), range(6, 7))
    assert set(figures) == {
        "discriminator_loss",
        "accuracy_real",
        "accuracy_generated",
        "generator_loss",
        "adversarial_loss",
        "mse",
    }
    assert all(value.isfinite() and not value.requires_grad for value in figures.values())


def test_a_discriminator_alone_tells_blocks_from_grey(clips: Clips) -> None:
    task = gan_task(clips, discriminator_warmup=60, discriminator_rate=2e-3, batch_size=8)
    task.generator = Spot()
    figures = take(task, range(60))
    last = figures[-10:]
    assert sum(row["accuracy_real"].item() for row in last) / 10 > 0.9
    assert sum(row["accuracy_generated"].item() for row in last) / 10 > 0.9
    assert last[-1]["discriminator_loss"] < figures[0]["discriminator_loss"]


class Listening(Fixed):
    """Keeps the frames and sentences that it is asked about."""

    embed = nn.Identity()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.asked = list[tuple[Tensor, Tensor]]()

    def forward(self, frame: Tensor, history: Tensor, caption: Tensor) -> Tensor:
        self.asked.append((frame, caption))
        return frame.mean((1, 2))[:, None, None] + self.shift


def asked_about(batch: Batch, frames: Tensor) -> tuple[int, Tensor]:
    """Which of the true frames to come these are, and the windows that have it."""
    for frame in range(AHEAD):
        there = batch.future_valid[:, frame]
        if torch.equal(frames, batch.future[there, frame]):
            return frame, there
    raise AssertionError("no true frame")


def test_wrong_captions_are_shown_with_real_frames(clips: Clips) -> None:
    task = plain_task(clips, wrong_captions=0.5)
    listening = Listening()
    task.discriminator = task.modules["discriminator"] = listening  # type: ignore[assignment]
    ((batch,),) = task.batches(0, 1)
    torch.manual_seed(0)
    task.step(0, [batch])
    (frames, own), _, (wrong_frames, others) = listening.asked
    _, there = asked_about(batch, frames)
    assert torch.equal(own, batch.caption[there])
    count = round(len(own) / 2)
    assert torch.equal(wrong_frames, frames[:count])
    assert torch.equal(others, own.roll(1, 0)[:count])


@pytest.mark.parametrize("loss", ["hinge", "least_squares", "cross_entropy"])
@pytest.mark.parametrize("spectral", [True, False])
def test_every_loss_and_both_norms_train(clips: Clips, loss: str, spectral: bool) -> None:
    task = gan_task(clips, {"spectral": spectral}, loss=loss, wrong_captions=0.5)
    figures = take(task, range(6))
    assert all(value.isfinite() for row in figures for value in row.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("steps", "many"),
        ("discriminator_updates", 0),
        ("batch_size", 0),
        ("generator_rate", 0.0),
        ("discriminator_rate", -1.0),
        ("discriminator_warmup", -1),
        ("reconstruction", -1.0),
        ("adversarial", -1.0),
        ("ema_decay", 2.0),
        ("wrong_captions", 1.5),
        ("history_noise", -1.0),
        ("schedule", "both"),
        ("loss", "wasserstein"),
        ("lambda_", 5),
    ],
)
def test_settings_that_cannot_be_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        GanSettings(**{name: value})


def test_the_discriminator_sees_films_of_one_kind(clips: Clips) -> None:
    """A true frame after true ones, a drawn one after those drawn before it."""
    task = gan_task(clips, generator_rate=1e-9)
    task = GanTask(Spot(), task.discriminator, task.windows, task.settings, task.device)
    seen: list[tuple[Tensor, Tensor]] = []
    task.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[:2]))
    places = set()
    for step, (batch,) in enumerate(task.batches(0, 20)):
        seen.clear()
        torch.manual_seed(step)
        task.step(step, [batch])
        whole = torch.cat([batch.history, batch.future], 1)
        frame, there = asked_about(batch, seen[0][0])
        places.add(frame)
        assert torch.equal(seen[0][1], whole[there, frame : frame + 10])
        assert torch.equal(seen[1][1][:, : 10 - frame], batch.history[there, frame:])
        assert torch.allclose(seen[1][1][:, 10 - frame :], torch.tensor(0.5))
        assert torch.allclose(seen[1][0], torch.tensor(0.5))
    assert places == set(range(AHEAD))


def test_patches_in_which_nothing_was_drawn_count_for_nothing(clips: Clips) -> None:
    task = plain_task(clips)

    class Patches(Brightness):
        """Its logit is the mean grey of a patch."""

        def forward(self, frame: Tensor, history: Tensor, caption: Tensor) -> Tensor:
            return self.weight * F.avg_pool2d(frame[:, None], frame.shape[-1] // 2)[:, 0]

    class Corner(Spot):
        """It paints one corner of the true frame."""

        def imitate(self, batch: Batch) -> tuple[Tensor, Tensor]:
            drawn = batch.future.clone()
            drawn[..., : drawn.shape[-2] // 2, : drawn.shape[-1] // 2] = self.grey
            return drawn, self.grey

    task.discriminator = Patches()  # type: ignore[assignment]
    task.generator = Corner()
    batch = next(iter(task.batches(3, 4)))[-1]
    figures = task.update_generator(batch, *task.generator.imitate(batch))
    assert figures["adversarial_loss"].item() == pytest.approx(-0.5)  # the corner's grey alone


def test_a_penalty_is_a_part_of_the_joint_loss_alone(clips: Clips) -> None:
    for schedule, counts in (("joint", 1.0), ("adversarial", 0.0)):
        task = gan_task(clips, schedule=schedule)
        batch = next(iter(task.batches(0, 1)))[-1]
        losses = []
        for penalty in (0.0, 3.0):
            task = GanTask(Spot(), task.discriminator, task.windows, task.settings, task.device)
            drawn, none = task.generator.imitate(batch)
            assert none == 0
            torch.manual_seed(0)
            figures = task.update_generator(batch, drawn, torch.tensor(penalty))
            losses.append(figures["generator_loss"].item())
        assert losses[1] - losses[0] == pytest.approx(3.0 * counts, abs=0.01)
