"""The generator of people as a whole, through the interface of models."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch

from models.people.figures import SCALE, SIZE, batch, people, track
from videogeneration.models.interface import Batch
from videogeneration.models.people.people import People, PeopleConfig


def with_sequences(scene: Batch, count: int = 4) -> Batch:
    """The same batch with sequences of poses without pictures."""
    windows = len(scene.history)
    whole = track(windows * count, 16)
    shape = (windows, count)
    more = {
        "motion_keypoints": whole.keypoints.unflatten(0, shape),
        "motion_scale": whole.scale.unflatten(0, shape),
        "motion_heading": torch.zeros(*shape, 16),
        "motion_follows": torch.ones(*shape, 16, dtype=torch.bool),
        "motion_present": torch.ones(*shape, 16, dtype=torch.bool),
        "motion_caption": scene.caption[:, None].expand(-1, count, -1, -1),
    }
    return replace(scene, labels={**scene.labels, **more})


def test_the_loss_teaches_every_network() -> None:
    model = people()
    loss, metrics = model.training_loss(model.lesson(with_sequences(batch())))
    loss.backward()
    assert torch.isfinite(loss)
    assert {"mse", "keypoints", "alpha", "trajectory", "body", "background"} <= metrics.keys()
    for network in (model.reader, model.renderer, model.motion, model.background, model.caption):
        grads = [p.grad for p in network.parameters() if p.grad is not None]
        assert any(grad.abs().sum() > 0 for grad in grads), type(network).__name__


def test_of_recordings_reader_and_renderer_learn_together() -> None:
    model = people()
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    loss, metrics = model.training_loss(model.lesson(batch(labelled=False)))
    assert metrics["reconstruction"] > 0
    assert metrics["colour"] == metrics["keypoints"] == 0
    assert metrics["trajectory"] > 0 and metrics["body"] == 0
    loss.backward()
    assert model.reader.votes.weight.grad.abs().sum() > 0  # type: ignore[union-attr]


def test_what_the_reader_sees_in_drawn_frames_teaches_the_renderer_alone() -> None:
    taught: dict[float, list[torch.Tensor]] = {}
    for weight in (0.0, 50.0):
        model = people()
        weights = replace(model.config.weights, features=weight)
        model.config = replace(model.config, weights=weights)
        torch.manual_seed(2)
        loss, metrics = model.training_loss(model.lesson(batch()))
        loss.backward()
        assert metrics["features"] > 0
        parts = (model.reader.down_half[0], model.renderer.drawn)
        taught[weight] = [part.weight.grad for part in parts]  # type: ignore[misc]
    without, beside = taught.values()
    torch.testing.assert_close(without[0], beside[0])
    assert (without[1] - beside[1]).abs().max() > 0.1 * without[1].abs().max()


def test_a_recorded_figure_is_no_shadow() -> None:
    model, scene = people(), batch(labelled=False)
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    shadows = []
    for outline in (-50.0, 50.0):
        torch.nn.init.constant_(model.reader.silhouette.bias, outline)
        torch.manual_seed(2)
        shadows.append(model.training_loss(model.lesson(scene))[1]["shadow"])
    assert shadows[0] > 0.01 and shadows[1] == 0


def test_what_labels_say_of_recordings_is_not_read() -> None:
    scene = batch(labelled=False)
    labels = dict(scene.labels)
    for name in ("keypoints", "silhouette", "scale", "heading"):
        labels[name] = labels[name] + 3
    losses = []
    for known in (scene.labels, labels):
        torch.manual_seed(2)
        model = people()
        torch.nn.init.constant_(model.reader.present.bias, 5.0)
        losses.append(model.training_loss(model.lesson(replace(scene, labels=known)))[0])
    assert torch.equal(*losses)


def test_a_little_training_lowers_the_loss() -> None:
    model = people()
    scene = with_sequences(batch())
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    course = []
    for _ in range(25):
        loss, _ = model.training_loss(model.lesson(scene))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.append(loss.item())
    assert sum(course[-5:]) < 0.7 * sum(course[:5])


def test_films_are_decided_by_their_seed() -> None:
    model, scene = people().eval(), batch()
    model.begin_adversarial()
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    films = [
        model.generate(scene.history, scene.history_valid, scene.caption, 12, seed)
        for seed in (1, 1, 2)
    ]
    assert films[0].shape == (3, 12, SIZE, SIZE)
    assert films[0].min() >= 0
    assert films[0].max() <= 1
    assert torch.equal(films[0], films[1])
    assert not torch.equal(films[0], films[2])


def test_only_from_one_picture_an_adversarial_training_draws_the_way() -> None:
    model, scene = people().eval(), batch()
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    for layer in (model.motion.trajectory.leave[1], model.motion.trajectory.blocks[0].modulate):
        torch.nn.init.normal_(layer.weight, std=0.5)  # type: ignore[arg-type]
    one = scene.history_valid & (torch.arange(scene.history.shape[1]) == scene.history.shape[1] - 1)

    def films() -> list[torch.Tensor]:
        return [
            next(model.rollout(scene.history, valid, scene.caption))
            for valid in (torch.ones_like(one), one)
        ]

    before = films()
    model.begin_adversarial()
    after = films()
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_a_frame_that_is_missing_changes_no_film() -> None:
    model, scene = people().eval(), batch()
    valid = scene.history_valid.clone()
    valid[:, :6] = False
    history = scene.history.clone()
    first = model.generate(history, valid, scene.caption, 3)
    history[:, :6] = torch.rand(3, 6, SIZE, SIZE)
    assert torch.allclose(first, model.generate(history, valid, scene.caption, 3), atol=1e-6)


def test_where_nobody_is_the_film_is_the_background() -> None:
    model, scene = people().eval(), batch()
    torch.nn.init.constant_(model.reader.present.bias, -20.0)
    film = model.generate(scene.history, scene.history_valid, scene.caption, 2)
    assert torch.equal(film[:, 0], film[:, 1])


def standing() -> tuple[People, Batch]:
    """A model that sees somebody in every frame who stays where he was, and ten equal frames."""
    model, scene = people().eval(), batch()
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    for network in (model.motion.trajectory, model.motion.body):
        torch.nn.init.zeros_(network.leave[1].weight)  # type: ignore[arg-type]
    return model, replace(scene, history=scene.history[:, -1:].expand(-1, 10, -1, -1))


def painted(
    model: People, scene: Batch, pictures: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The given frames and the drawn ones of a film at the pictures' own size."""
    parts = model.paint(pictures, scene.history, scene.history_valid, scene.caption)
    given = next(parts)
    return given, torch.cat(list(islice(parts, steps)), 1)


def test_a_film_at_the_pictures_own_size_is_the_same_film() -> None:
    model, scene = standing()
    small = model.generate(scene.history, scene.history_valid, scene.caption, 6)
    pictures = scene.history[:, :, None].expand(-1, -1, 3, -1, -1)
    given, same = painted(model, scene, pictures, 6)
    assert torch.equal(given, pictures)
    assert same.shape == (3, 6, 3, SIZE, SIZE)
    assert (same[:, :, 1] - small).abs().mean() < 0.01
    large = pictures.repeat_interleave(2, -1).repeat_interleave(3, -2)
    _, large = painted(model, scene, large, 6)
    shrunk = torch.nn.functional.avg_pool2d(large[:, :, 0], (3, 2))
    assert (shrunk - small).abs().mean() < 0.02


def test_a_film_has_the_colours_of_its_pictures() -> None:
    model, scene = standing()
    tint = torch.tensor([1.0, 0.5, 0.25])[:, None, None]
    pictures = scene.history[:, :, None] * tint
    _, film = painted(model, scene, pictures, 2)
    red, green, blue = film.mean((0, 1, 3, 4))
    assert red > 1.5 * green > 2 * blue


def test_a_film_ends_when_nobody_is_left() -> None:
    model, scene = standing()
    pictures = scene.history[:, :, None]
    given = (pictures, scene.history, scene.history_valid, scene.caption)
    assert len(list(islice(model.paint(*given), 40))) == 40
    # everybody is off by four frames' widths, or as many heights
    torch.nn.init.constant_(model.motion.trajectory.leave[1].bias, 4 * SIZE / SCALE)  # type: ignore[arg-type]
    assert len(list(islice(model.paint(*given), 40))) < 5
    torch.nn.init.constant_(model.reader.present.bias, -20.0)
    assert len(list(islice(model.paint(*given), 40))) == 1


def test_what_is_seen_in_a_frame_is_said() -> None:
    model, frames = people().eval(), batch().history[:, -1]
    torch.nn.init.constant_(model.reader.present.bias, -20.0)
    assert {sight.in_view for sight in model.look_at(frames)} == {0.0}
    assert "nobody" in model.look_at(frames)[0].remark
    torch.nn.init.constant_(model.reader.present.bias, 20.0)
    # everybody is read to be to the right of the frame
    torch.nn.init.constant_(model.reader.votes.bias, 40.0)
    (sight, *_) = model.look_at(frames)
    assert sight.in_view < 0.5
    assert "cut off" in sight.remark


def test_an_adversary_teaches_the_renderer_alone() -> None:
    model, scene = people(), batch(future=2)
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    model.begin_adversarial()
    frames, _ = model.imitate(scene)
    assert frames.shape == (3, 2, SIZE, SIZE)
    frames.sum().backward()
    taught = {id(p) for group in model.parameter_groups() for p in group["params"]}
    assert taught == {id(p) for p in model.renderer.parameters()}
    for name, parameter in model.named_parameters():
        assert name.startswith("renderer.") or parameter.grad is None


def test_what_is_imitated_is_drawn_in_the_poses_of_the_future() -> None:
    model, scene = people().eval(), batch(future=2)
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    torch.manual_seed(0)
    shown, _ = model.imitate(scene)
    still = replace(scene, future=scene.history[:, :1].expand(-1, 2, -1, -1))
    torch.manual_seed(0)
    assert not torch.equal(shown, model.imitate(still)[0])
    torch.nn.init.constant_(model.reader.present.bias, -50.0)
    torch.nn.init.constant_(model.reader.silhouette.bias, -50.0)
    assert torch.equal(model.imitate(scene)[0], scene.future)


def test_an_adversary_sees_shadows_that_are_not_there() -> None:
    model, scene = people().eval(), batch(future=2)
    ground, noise = torch.full_like(scene.history, 0.5), torch.randn_like(scene.future)
    scene = replace(scene, history=ground, future=0.5 + 0.02 * noise)
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    torch.nn.init.constant_(model.reader.silhouette.bias, -50.0)
    renderer = model.renderer
    with torch.no_grad():
        renderer.drawn.bias[16:] = -50.0  # no alpha: nothing but shadow is drawn
    torch.nn.init.constant_(renderer.shadow.bias, 0.001)
    assert torch.equal(model.imitate(scene)[0], scene.future), "none that can be seen"
    torch.nn.init.constant_(renderer.shadow.bias, 0.1)
    shown, _ = model.imitate(scene)
    assert (scene.future - shown).mean() > 0.003
    fine = scene.future.diff(dim=-1) - shown.diff(dim=-1)
    assert fine.std() < scene.future.diff(dim=-1).std() / 4, "the true frames' noise is in it"
    (shown - scene.future).square().mean().backward()
    assert renderer.shadow.bias.grad.abs() > 0


def test_what_the_reader_sees_otherwise_than_in_the_true_frame_is_penalised() -> None:
    model, scene = people().eval(), batch(future=2)
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    torch.nn.init.constant_(model.reader.silhouette.bias, 50.0)
    with torch.no_grad():
        model.renderer.drawn.bias[16:] = 50.0  # an alpha that is right, of wrong pixels
    _, penalty = model.imitate(scene)
    assert penalty > 1
    penalty.backward()
    assert model.renderer.drawn.bias.grad[:16].abs().max() > 0


def test_colours_from_elsewhere_are_penalised_and_no_grey_changes() -> None:
    shown, penalties = [], []
    for tint in (0.0, 0.6):
        model, scene = people().eval(), batch(future=2)
        model.config = replace(model.config, tint=tint)
        torch.nn.init.constant_(model.reader.present.bias, 5.0)
        torch.nn.init.constant_(model.reader.silhouette.bias, 50.0)
        torch.manual_seed(0)
        frames, penalty = model.imitate(scene)
        shown.append(frames)
        penalties.append(penalty)
    assert torch.allclose(shown[0], shown[1], atol=1e-5)
    assert penalties[1] > penalties[0] + 0.1


def test_a_shadow_comes_along_where_it_is_found() -> None:
    model, scene = people().eval(), batch()
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    torch.nn.init.constant_(model.reader.silhouette.bias, -50.0)
    moved = []
    for found in (-50.0, 3.0):
        with torch.no_grad():
            model.renderer.drawn.bias[16:] = -50.0  # no alpha: nothing but shadow is drawn
            model.background.layers[-1].bias[8:] = found  # type: ignore[index]
        film = next(model.rollout(scene.history, scene.history_valid, scene.caption))
        moved.append(film.diff(dim=1).abs().amax())
    assert moved[0] == 0 and moved[1] > 0.05


def test_who_is_drawn_where_nobody_is_is_penalised() -> None:
    model, scene = people().eval(), batch(future=2)
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    torch.nn.init.constant_(model.reader.silhouette.bias, -50.0)
    renderer, penalties = model.renderer, []
    with torch.no_grad():
        model.background.layers[-1].bias[8:] = -50.0  # nor is a shadow
    for alpha in (-50.0, 0.0):
        with torch.no_grad():
            renderer.drawn.bias[16:] = alpha
        penalties.append(model.imitate(scene)[1])
    assert penalties[0] < 1e-6
    assert penalties[1] > 1
    penalties[1].backward()
    assert (renderer.drawn.bias.grad[16:] > 0).all()
    nobody = replace(scene, future_valid=torch.zeros_like(scene.future_valid))
    assert model.imitate(nobody)[1] == 0


def test_looks_that_are_not_there_change_nothing() -> None:
    model, scene = people().eval(), batch()
    torch.nn.init.constant_(model.reader.present.bias, 5.0)
    alone = torch.zeros_like(scene.history_valid)
    alone[:, -1] = True
    several = alone.clone()
    several[1:] = True
    caption = scene.caption
    together = next(model.rollout(scene.history * several[..., None, None], several, caption))
    one = next(model.rollout(scene.history * alone[..., None, None], alone, caption))
    assert torch.allclose(together[0], one[0], atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"references": 0}, "^references: 0"),
        ({"mirrored": 7.0}, "^mirrored: 7.0 should be less than or equal to 1$"),
        ({"temperature": -3}, "^temperature: -3"),
        ({"crop": 0}, "^crop: 0 should be greater than 0$"),
        ({"motion": {"steps": 0}, "weights": {"body": -1}}, r"^motion\.steps: 0.*\nweights\.body"),
        ({"height": 100}, r"100x128 frames; .* multiples of 16: choose .*kth\.clips\.size"),
    ],
)
def test_settings_that_cannot_be_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PeopleConfig(**changes)
