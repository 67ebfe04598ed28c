"""GAN-CLS: who is told what, what each side learns from, and that it learns."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from toys import CPU, block_store, gan_cls_task
from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import Clips
from videogeneration.data.first_frames import FirstFrames, FirstFrameSettings
from videogeneration.models.classifier import Classifier, ClassifierConfig
from videogeneration.training.classifier import ClassifierSettings, ClassifierTask
from videogeneration.training.gan_cls import (
    GanClsSettings,
    shifted,
)
from videogeneration.training.loop import Task

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return block_store(tmp_path_factory.mktemp("blocks") / "clips", each=6)


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def moved(before: list[Tensor], network: nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def take(task: Task, steps: range) -> list[dict[str, Tensor]]:
    figures = []
    for step, batch in enumerate(task.batches(steps.start, steps.stop), steps.start):
        torch.manual_seed(step)
        figures.append(task.step(step, batch))
    return figures


def test_the_discriminator_learns_alone_at_first(clips: Clips) -> None:
    task = gan_cls_task(clips)
    generator, discriminator = weights(task.generator), weights(task.discriminator)
    first = take(task, range(4))
    assert moved(discriminator, task.discriminator)
    assert not moved(generator, task.generator)
    assert set(first[0]) == {
        "discriminator_loss",
        "naming_real",
        "accuracy_right",
        "accuracy_wrong",
    }
    (then,) = take(task, range(4, 5))
    assert moved(generator, task.generator)
    assert set(then) - set(first[0]) == {
        "accuracy_generated",
        "generator_loss",
        "naming_generated",
    }
    assert all(value.isfinite() for value in then.values())


class Bright(nn.Module):
    """Calls a picture fitting by its mean grey value, less one for the sentence to the right."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def features(self, picture: Tensor) -> Tensor:
        return picture.mean((1, 2))

    def score(self, features: Tensor, caption: Tensor) -> Tensor:
        right = caption.flatten(1)[:, _RIGHT].amax(1)
        return (features - right) * self.weight[0]

    def named(self, features: Tensor) -> Tensor:
        return features[:, None] * self.weight

    def forward(self, picture: Tensor, caption: Tensor) -> Tensor:
        return self.score(self.features(picture), caption)


_VOCABULARY = ActionGrammar().vocabulary
_RIGHT = [
    place * len(_VOCABULARY.words) + _VOCABULARY.words.index("right")
    for place in range(_VOCABULARY.max_words)
]


def test_wrong_sentences_and_generated_pictures_are_rejected_half_each(clips: Clips) -> None:
    task = gan_cls_task(
        clips, discriminator_warmup=0, naming=0.0, gradient_penalty=0.0, loss="least_squares"
    )
    task.discriminator = task.modules["discriminator"] = Bright()  # type: ignore[assignment]
    batch = task.frames.batch(0, 8)
    generated = torch.full((8, 32, 32), 0.9)
    figures = task.update_discriminator(0, batch, generated)

    judge = Bright()
    right, wrong = judge(batch.picture, batch.caption), judge(batch.picture, batch.wrong)
    fake = judge(generated, batch.caption)
    expected = ((right - 1) ** 2).mean() + ((wrong + 1) ** 2).mean() / 2
    expected = expected + ((fake + 1) ** 2).mean() / 2
    assert figures["discriminator_loss"].item() == pytest.approx(expected.item(), rel=1e-2)
    for kind, rightly in (("right", right > 0), ("wrong", wrong < 0), ("generated", fake < 0)):
        assert figures[f"accuracy_{kind}"] == rightly.float().mean()


def test_the_plain_gan_cls_has_neither_names_nor_penalty(clips: Clips) -> None:
    plain = {"naming": 0.0, "gradient_penalty": 0.0, "ema_decay": 0.0, "loss": "cross_entropy"}
    task = gan_cls_task(clips, discriminator_warmup=0, shift=0, **plain)
    named = [p.detach().clone() for p in task.discriminator.name.parameters()]
    take(task, range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(named, task.discriminator.name.parameters(), strict=True)
    )
    for kept, weight in zip(task.result().parameters(), task.generator.parameters(), strict=True):
        assert torch.equal(kept, weight)


def test_the_gradient_penalty_smooths_the_verdict(clips: Clips) -> None:
    def steepness(penalty: float) -> float:
        task = gan_cls_task(clips, discriminator_warmup=40, gradient_penalty=penalty)
        take(task, range(40))
        return task.steepness(task.frames.batch(0, 32)).item()

    assert steepness(10.0) < 0.7 * steepness(0.0)


def test_mode_seeking_gives_every_noise_its_own_looks(clips: Clips) -> None:
    def apart(weight: float) -> Tensor:
        task = gan_cls_task(clips, discriminator_warmup=0, mode_seeking=weight)
        take(task, range(40))
        torch.manual_seed(0)
        noise, caption = torch.randn(32, 8), task.frames.batch(0, 32).caption
        pictures = task.generator(noise, caption)
        others = task.generator(task.generator.other_looks(noise), caption)
        return (pictures - others).abs().mean()

    assert apart(0.01) > 1.5 * apart(0.0)


def test_shifted_pictures_move_and_keep_their_border() -> None:
    torch.manual_seed(0)
    pictures = torch.zeros(16, 8, 8)
    pictures[:, 3, 3] = 1
    found = shifted(pictures, 2)
    assert (found.sum((1, 2)) == 1).all()
    assert len({int(picture.argmax()) for picture in found}) > 4
    assert (shifted(torch.full((2, 8, 8), 0.5), 3) == 0.5).all()
    assert shifted(pictures, 0) is pictures


def test_the_classifier_learns_sides(clips: Clips) -> None:
    torch.manual_seed(0)
    network = Classifier(ClassifierConfig(sights=3, widths=(8, 16, 16)))
    frames = FirstFrames(clips, ActionGrammar(), FirstFrameSettings())
    settings = ClassifierSettings(steps=100, batch_size=16, learning_rate=0.01, shift=0)
    curve = take(ClassifierTask(network, frames, settings, CPU), range(100))
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    assert torch.stack([row["named_right"] for row in curve[-20:]]).mean() > 0.9


BAD: list[tuple[type, dict[str, Any], str]] = [
    (GanClsSettings, {"steps": 0}, "steps.*0"),
    (GanClsSettings, {"loss": "wasserstein"}, "loss.*wasserstein.*hinge"),
    (GanClsSettings, {"gradient_penalty": -1.0}, "gradient_penalty.*-1"),
    (GanClsSettings, {"mode_seeking": -1.0}, "mode_seeking.*-1"),
    (GanClsSettings, {"ema_decay": 2.0}, "ema_decay.*2"),
    (GanClsSettings, {"generator_rate": 0.0}, "generator_rate.*0"),
    (ClassifierSettings, {"shift": -1}, "shift.*-1"),
    (ClassifierSettings, {"learning_rate": 0.0}, "learning_rate.*0"),
]


@pytest.mark.parametrize(("settings", "given", "message"), BAD)
def test_bad_settings_are_named(settings: type, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        settings(**given)
