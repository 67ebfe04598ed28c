"""The networks: shapes and ranges, what they listen to, and settings that they refuse."""

import math
from dataclasses import replace
from typing import Any

import cv2
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from toys import AHEAD, LEFT, NETWORK, RIGHT, discriminator, generator, start
from videogeneration.captions import ActionGrammar, SceneGrammar
from videogeneration.models.generator import Drawing, Generator
from videogeneration.models.generator_losses import matching_loss, place_loss, turn_loss
from videogeneration.models.interface import Batch
from videogeneration.models.motions import (
    ANGLES,
    Motion,
    _displacements,
    carry,
    turning,
)
from videogeneration.models.original import Original, OriginalConfig
from videogeneration.models.sentences import SentenceLookup
from videogeneration.training.checkpoints import build

pytestmark = pytest.mark.slow


def sentences(*texts: str) -> Tensor:
    vocabulary = ActionGrammar().vocabulary
    return torch.stack([torch.from_numpy(vocabulary.encode(text)).float() for text in texts])


def draw(network: Generator, batch: Batch, which: Tensor | None = None) -> Drawing:
    return network.draw(batch.history, batch.history_valid, batch.caption, batch.noise, which)


@pytest.mark.parametrize("figures", [1, 2])
@pytest.mark.parametrize("present", [1, 10])
def test_generator_draws_frames_in_range(figures: int, present: int) -> None:
    network = generator(figures=figures).eval()
    history = torch.rand(3, 10, 32, 32)
    history[:, : 10 - present] = 0
    drawing = draw(network, start(history, LEFT, RIGHT, LEFT))
    assert drawing.frames.shape == (3, AHEAD, 32, 32)
    assert drawing.masks.shape == (3, figures, 32, 32)
    assert drawing.centres.shape == (3, figures, 2)
    assert drawing.trajectories.shape == (3, figures, 10, AHEAD, 3)
    assert drawing.frames.dtype == torch.float32
    assert drawing.frames.min() >= 0
    assert drawing.frames.max() <= 1
    assert drawing.tracks.shape == (3, figures, 10, 4)
    assert (drawing.match is None) == (figures == 1)
    loss = (
        drawing.frames.sum()
        + drawing.centres.sum()
        + drawing.trajectories.sum()
        + drawing.tracks.sum()
    )
    loss = loss + drawing.masks.sum()
    if drawing.match is not None:
        loss = loss + drawing.match.sum()
    loss.backward()
    gradients = [p.grad for p in network.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


def test_some_of_the_frames_are_those_among_all() -> None:
    network = generator().eval()
    given = start(torch.rand(2, 10, 32, 32), LEFT, RIGHT)
    whole, some = draw(network, given), draw(network, given, which=torch.tensor([0, 2]))
    assert torch.allclose(some.frames, whole.frames[:, [0, 2]], atol=1e-6)
    assert torch.equal(some.trajectories, whole.trajectories)


@pytest.mark.parametrize(
    "changes",
    [
        {"height": 48, "width": 64, "widths": (8, 16, 24)},
        {"height": 64, "width": 64, "patch": 2, "widths": (8, 8, 16, 16, 24)},
        {"words": 17, "vocabulary": 40},
        {"figures": 2},
        {"figures": 3, "horizon": 1},
        {"history": 4},
    ],
)
def test_generator_of_other_sizes(changes: dict[str, Any]) -> None:
    network = generator(**changes)
    config = network.config
    history = torch.rand(2, config.history, config.height, config.width)
    valid = torch.ones(2, config.history, dtype=torch.bool)
    caption = torch.rand(2, config.words, config.vocabulary)
    frames = network.predict(Batch.to_continue(history, valid, caption))
    assert frames.shape == (2, network.horizon, config.height, config.width)


def test_an_untrained_generator_stays_near_the_last_frame() -> None:
    history = torch.zeros(2, 10, 32, 32)
    for time in range(10):
        row, column = 5 * (time % 4) + 4, 8 * (time // 4) + 2
        history[:, time, row : row + 6, column : column + 6] = 1
    frames = generator().eval().predict(start(history, LEFT, RIGHT))
    nearest = [(frames - history[:, [place]]).abs().mean().item() for place in range(10)]
    assert min(nearest) == nearest[-1]


def test_generator_is_told_which_frames_are_missing() -> None:
    network = generator().eval()
    all_but_one = torch.rand(1, 10, 32, 32)
    one = all_but_one.clone()
    all_but_one[:, 0] = 0
    one[:, :9] = 0
    films = [network.predict(start(history, LEFT)) for history in (one, all_but_one)]
    assert not torch.allclose(*films)


def test_figures_keep_their_light() -> None:
    network = generator(figures=2).eval()
    history = torch.zeros(1, 10, 32, 32)
    history[0, -1, 12:20, 12:20] = 1
    with torch.no_grad():
        last = network.motion.trajectories.read[-1]
        assert isinstance(last, torch.nn.Linear)
        last.weight.zero_()
        frames = network.predict(start(history, LEFT))
    # wherever each half of the picture belongs, nothing of it fades where nothing moves
    assert frames[0].min(0).values[13:19, 13:19].min() > 0.7
    assert frames[0, :, :10].max() < 0.05


def test_the_caption_is_heard_after_a_few_steps() -> None:
    """A square goes where the sentence says: nothing but the sentence tells."""
    torch.manual_seed(0)
    network = generator(dropout=0.0)
    history, wanted = torch.zeros(2, 10, 32, 32), torch.zeros(2, AHEAD, 32, 32)
    history[:, -1, 12:20, 12:20] = 0.9
    wanted[0, :, 12:20, 8:16] = wanted[1, :, 12:20, 16:24] = 0.9
    ways = torch.tensor([-4 / 16, 4 / 16])[:, None, None].expand(2, 1, AHEAD)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(150):
        drawing = draw(network, start(history, LEFT, RIGHT))
        loss = F.mse_loss(drawing.frames, wanted) + F.mse_loss(
            drawing.trajectories[:, :, -1, :, 0], ways
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    left, right = network.eval().predict(start(history, LEFT, RIGHT)).detach()
    assert (left - right)[..., 12:20, 8:12].mean() > 0.3
    assert (right - left)[..., 12:20, 20:24].mean() > 0.3


def test_captions_of_a_batch_do_not_mix() -> None:
    network = generator().eval()
    history = torch.rand(2, 10, 32, 32)
    another = torch.cat([torch.rand(1, 10, 32, 32), history[1:]])
    one = network.predict(start(history, LEFT, RIGHT))
    for others in (start(history, RIGHT, RIGHT), start(another, LEFT, RIGHT)):
        frames = network.predict(others)
        assert not torch.allclose(one[0], frames[0], atol=0.1)
        assert torch.equal(one[1], frames[1])


def test_places_look_up_the_figure_that_they_show() -> None:
    """Told only which pictures and sentences belong together."""
    torch.manual_seed(0)
    names = ("house", "car", "bell", "key", "fish")
    grammar = SceneGrammar(names)
    lookup = SentenceLookup(*grammar.vocabulary.shape, figures=2, channels=5, embedding=4)
    optimizer = torch.optim.Adam(lookup.parameters(), 5e-3)

    def pictures(count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Features `[B, 5, 4, 4]`, captions, and the cells `[B, 2]` of their two elements."""
        features, told, cells = torch.zeros(count, 5, 16), [], []
        for picture in features:
            first, second = torch.randperm(5)[:2].tolist()
            place = torch.randperm(16)[:2]
            picture[first, place[0]] = picture[second, place[1]] = 3.0
            scene = [(names[first], "up_down"), (names[second], "left_right")]
            told.append(torch.from_numpy(grammar.vocabulary.encode(grammar.sentence(scene))))
            cells.append(place)
        return features.unflatten(2, (4, 4)), torch.stack(told).float(), torch.stack(cells)

    for _ in range(120):
        features, caption, _ = pictures(16)
        optimizer.zero_grad()
        matching_loss(lookup(features, caption)[2]).backward()
        optimizer.step()

    features, caption, cells = pictures(64)
    said, shown, match = lookup(features, caption)
    assert said.shape == (64, 2, 4)
    assert match.shape == (64, 64)
    assert torch.allclose(shown.sum(1), torch.ones(64, 4, 4), atol=1e-5)
    shown = shown.flatten(2).detach()
    for part in range(2):
        assert shown[:, part].gather(1, cells[:, part : part + 1]).mean() > 0.8
        assert shown[:, part].gather(1, cells[:, 1 - part : 2 - part]).mean() < 0.2


def carried(x: float = 0, y: float = 0, turn: float = 0) -> Tensor:
    """A bar of 3x9 pixels round column 20 of row 10 of 32x64, carried from its own middle."""
    frame = torch.zeros(1, 1, 32, 64)
    frame[..., 9:12, 16:25] = 1
    middle = torch.tensor([[[20.5 / 32 - 1, 10.5 / 16 - 1]]])
    path = torch.tensor([[[[x / 32, y / 16, turn]]]])
    return carry(frame, middle, path)[0, 0, 0]


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, 0), (-5, 0), (0, 3), (0, -3), (7, -4)])
def test_a_shift_is_in_half_widths_and_heights(right: int, down: int) -> None:
    expected = torch.zeros(32, 64)
    expected[9 + down : 12 + down, 16 + right : 25 + right] = 1
    assert torch.allclose(carried(right, down), expected, atol=1e-4)


def test_a_turn_is_about_the_centre_and_keeps_its_shape_in_any_frame() -> None:
    expected = torch.zeros(32, 64)
    expected[6:15, 19:22] = 1
    assert torch.allclose(carried(turn=torch.pi / 2), expected, atol=1e-3)


def test_a_turn_is_clockwise_and_goes_with_the_shift() -> None:
    turned = carried(turn=torch.pi / 6)
    assert turned[8:10, :20].sum() > 2 * turned[11:13, :20].sum()  # the left end goes up
    away = carried(10, 5, torch.pi / 6)
    assert torch.allclose(away[5:], turned.roll((5, 10), (0, 1))[5:], atol=1e-3)


def test_what_leaves_the_frame_is_gone() -> None:
    assert carried(x=60).abs().max() == 0
    assert carried(x=-18)[:, :7].sum() == pytest.approx(7 * 3, abs=0.01)


def test_every_figure_goes_its_own_way() -> None:
    frames = torch.zeros(1, 2, 32, 32)
    frames[0, 0, 4:8, 4:8] = frames[0, 1, 20:24, 4:8] = 1
    trajectories = torch.zeros(1, 2, 3, 3)
    trajectories[0, 0, 1, 0] = 0.5  # the first to the right
    trajectories[0, 1, 2, 1] = -0.5  # the second up
    moved = carry(frames, torch.zeros(1, 2, 2), trajectories)
    assert moved.shape == (1, 2, 3, 32, 32)
    first, second = frames[0]
    assert torch.allclose(moved[0, :, 0], frames[0], atol=1e-5)
    assert torch.allclose(moved[0, 0, 1], first.roll(8, 1), atol=1e-5)
    assert torch.allclose(moved[0, 1, 2], second.roll(-8, 0), atol=1e-5)
    assert torch.allclose(moved[0, 1, 1], second, atol=1e-5)


def test_splines_keep_what_lies_between_pixels_sharp() -> None:
    start = torch.zeros(1, 1, 32, 32)
    start[..., 10:20, 10:20] = 1
    half = torch.tensor([[[[0.5 / 16, 0, 0]]]])
    lost = {}
    for sharp in (False, True):
        there = carry(start, torch.zeros(1, 1, 2), half, sharp)[:, :, 0]
        again = carry(there, torch.zeros(1, 1, 2), -half, sharp)[:, :, 0]
        assert again.min() >= 0
        assert again.max() <= 1
        lost[sharp] = ((again - start) ** 2).mean()
    assert lost[True] < 0.75 * lost[False]


def test_paths_begin_where_a_figure_is_seen() -> None:
    """A square anywhere that goes on by three pixels a frame as it is told: right or left."""
    torch.manual_seed(0)
    motion = Motion(channels=1, embedding=1, patch=2, history=2, horizon=2)
    optimizer = torch.optim.Adam(motion.parameters(), 3e-3)
    for step in range(150):
        places, way = torch.randint(8, 18, (8, 2)), torch.randint(0, 2, (8, 1, 1)) * 2.0 - 1
        seen = torch.zeros(8, 1, 32, 32)
        for frame, (x, y) in zip(seen[:, 0], places, strict=True):
            frame[y : y + 6, x : x + 6] = 1
        history = torch.cat([torch.zeros_like(seen), seen], 1)
        valid = torch.tensor([[False, True]]).expand(8, 2)
        centres, _, trajectories, _ = motion(history, valid, [seen[:, :, ::4, ::4]], seen, way)
        if not step:
            assert torch.allclose(centres[:, 0], (places + 3) / 16 - 1, atol=0.1)
        drawn = carry(seen, centres, trajectories[:, :, -1])[:, 0]
        wanted = torch.stack(
            [
                torch.stack([frame.roll(int(3 * frames * side), 1) for frames in (1, 2)])
                for frame, side in zip(seen[:, 0], way[:, 0, 0], strict=True)
            ]
        )
        loss = ((drawn - wanted) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2 * ((seen - wanted) ** 2).mean()


def test_tracks_are_seen_from_every_frame() -> None:
    """Half a radian and a tenth of a half frame every step, after four missing frames."""
    tracks = torch.zeros(1, 1, 10, 4)
    tracks[0, 0, 4:, 0] = 0.06 * torch.arange(6) - 0.2
    tracks[0, 0, 4:, 1] = 0.08 * torch.arange(6)
    tracks[0, 0, 5:, 2:] = torch.tensor([math.cos(0.5), math.sin(0.5)])
    valid = torch.arange(10)[None, None] >= 4
    known, velocities, turns = (x[0, 0] for x in _displacements(tracks, valid))
    for frame, (ways, velocity, turn) in enumerate(zip(known, velocities, turns, strict=True)):
        place, rest, (speed, cos, sin) = ways[:2], ways[2:-3].view(2, 10, 2), ways[-3:].tolist()
        assert place.equal(tracks[0, 0, frame, :2])
        past = max(frame - 3, 0)
        assert rest[0].any(1).sum() == max(past - 1, 0), "the newest is no way from itself"
        if past > 1:
            assert torch.allclose(rest[0, -2], torch.tensor([-0.24, -0.32]), atol=1e-6)
            assert speed == pytest.approx(4 * 0.1, abs=0.005)
            assert (cos, sin) == pytest.approx((math.cos(0.5), math.sin(0.5)), abs=1e-4)
            assert torch.allclose(velocity, torch.tensor([0.06, 0.08]), atol=1e-5)
            assert turn.item() == pytest.approx(0.5, abs=1e-4)
        else:
            assert (speed, cos, sin) == (0, 0, 0)
            assert velocity.eq(0).all()
            assert turn.eq(0).all()


def test_a_place_beyond_the_frame_says_nothing_of_the_pace() -> None:
    """But the newest does, for it is all that says where a figure is."""
    tracks, valid = torch.zeros(1, 1, 10, 4), torch.arange(10)[None, None] >= 6
    tracks[0, 0, 6:, 0] = torch.tensor([-1.1, -0.4, -0.2, 0.0])
    tracks[0, 0, 6:, 2] = 1
    _, velocity, _ = _displacements(tracks, valid)
    assert velocity[0, 0, -1, 0].item() == pytest.approx(0.2)
    assert velocity[0, 0, 7, 0].item() == 0
    tracks[0, 0, 9, 0] = 1.1
    _, velocity, _ = _displacements(tracks, valid)
    assert velocity[0, 0, -1, 0].item() > 0.4


def test_a_place_at_the_edge_says_little_of_the_pace() -> None:
    """Who comes in seems to be farther inside than he is, as long as he is cut off."""
    tracks, valid = torch.zeros(1, 1, 10, 4), torch.arange(10)[None, None] >= 5
    tracks[0, 0, 5:, 0] = torch.tensor([-0.98, -0.9, -0.7, -0.5, -0.3])
    tracks[0, 0, 5:, 2] = 1
    _, velocity, _ = _displacements(tracks, valid)
    assert velocity[0, 0, -1, 0].item() == pytest.approx(0.2, abs=0.01)
    # where there is no other, it says what it can
    assert velocity[0, 0, 6, 0].item() == pytest.approx(0.08, abs=1e-3)


def test_a_turn_in_place_is_measured() -> None:
    """Real digits, turned by a known angle a frame, their centres a pixel beside."""
    samples = load_digits().images[[0, 2, 3, 4, 5, 7]] / 16
    films, degrees = torch.zeros(len(samples), 3, 48, 64), 37.5
    for film, sample in zip(films, samples, strict=True):
        large = cv2.resize(sample, (20, 20), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        for time, frame in enumerate(film):
            # clockwise on the screen is against the sense of OpenCV
            turn = cv2.getRotationMatrix2D((9.5, 9.5), -degrees * time, 1)
            turn[:, 2] += [20, 12]
            frame.copy_(torch.from_numpy(cv2.warpAffine(large, turn, (64, 48))))
    centre = torch.tensor([31.0 / 32 - 1, 22.5 / 24 - 1])
    alike = turning(films, centre.expand(len(films), 1, 2))
    assert alike.shape == (len(films), 1, 3, ANGLES)
    assert alike[:, :, 0].eq(0).all()
    assert alike.abs().max() <= 1 + 1e-5
    found = alike[:, 0, 1:].argmax(2) * 360 / ANGLES
    assert (found == degrees).float().mean() > 0.9, found


def test_figures_are_followed() -> None:
    """A bright and a dark square, and the sentence says which is meant."""
    torch.manual_seed(0)
    motion = Motion(channels=1, embedding=2, patch=4, history=4, horizon=2)
    optimizer = torch.optim.Adam(motion.parameters(), 1e-2)
    said, seen = torch.eye(2).expand(8, 2, 2), torch.rand(8, 2, 32, 32)
    valid = torch.ones(8, 4, dtype=torch.bool)
    for _ in range(150):
        history, poses = torch.full((8, 4, 32, 32), 0.5), torch.zeros(8, 2, 4, 3)
        for film, where in zip(history, poses, strict=True):
            for time, frame in enumerate(film):
                rows = torch.randperm(3)[:2] * 10 + 1
                for figure, row in enumerate(rows.tolist()):
                    column = int(torch.randint(0, 24, ()))
                    frame[row : row + 8, column : column + 8] = figure
                    where[figure, time, :2] = torch.tensor([column + 4, row + 4]) / 16 - 1
        _, tracks, _, _ = motion(history, valid, [seen[:, :1, ::4, ::4]], seen, said)
        poses = poses.transpose(1, 2)
        known = torch.ones(poses.shape[:3], dtype=torch.bool)
        loss = place_loss(tracks[..., :2], poses, known) + turn_loss(tracks, poses, known)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.15
    history[:, :2], valid[:, :2] = 0, False
    _, tracks, _, _ = motion(history, valid, [seen[:, :1, ::4, ::4]], seen, said)
    assert tracks[:, :, :2].eq(0).all()
    assert not tracks[:, :, 2:, :2].eq(0).any()
    assert tracks[:, :, 2, 2:].eq(0).all(), "no frame before it"
    assert not tracks[:, :, 3, 2:].eq(0).any()


def test_original_has_the_size_of_the_original() -> None:
    network = Original(OriginalConfig())
    parameters = sum(p.numel() for p in network.parameters())
    assert 25.4e6 <= parameters <= 25.6e6
    dense = sum(p.numel() for p in network.inner.parameters())
    assert dense / parameters == pytest.approx(0.989, abs=0.002)


def test_original_draws_one_frame_in_range() -> None:
    torch.manual_seed(0)
    network = build("original", {"height": 32, "width": 48}).eval()
    history = torch.rand(2, 10, 32, 48)
    assert isinstance(network, Original)
    frame = network.predict(start(history, LEFT, RIGHT))
    assert frame.shape == (2, 1, 32, 48)
    assert frame.min() >= 0
    assert frame.max() <= 1
    same = network.predict(start(history[:1].repeat(2, 1, 1, 1), LEFT, RIGHT))
    assert not torch.equal(same[0], same[1])


@pytest.mark.parametrize("spectral", [True, False])
@pytest.mark.parametrize("past", [0, 3])
def test_discriminator_scores_patches(spectral: bool, past: int) -> None:
    network = discriminator(spectral=spectral, past=past)
    logits = network(torch.rand(2, 32, 32), torch.rand(2, 10, 32, 32), sentences(LEFT, RIGHT))
    assert logits.shape == (2, 8, 8)
    assert logits.dtype == torch.float32


def test_discriminator_sees_caption_and_past_only_where_it_is_told() -> None:
    frame, history = torch.rand(2, 32, 32), torch.rand(2, 10, 32, 32)
    own, other = sentences(LEFT, LEFT), sentences(RIGHT, RIGHT)
    older, newer = history.clone(), history.clone()
    older[:, :7] = 0
    newer[:, -1] = 0
    network = discriminator(past=3).eval()
    score = network(frame, history, own)
    assert not torch.equal(network(frame, history, other), score)
    assert not torch.equal(network(frame, newer, own), score)
    assert torch.equal(network(frame, older, own), score)
    blind = discriminator(past=0, caption=False).eval()
    assert torch.equal(blind(frame, newer, other), blind(frame, history, own))


def test_spectral_norm_bounds_the_layers() -> None:
    network = discriminator(spectral=True, caption=False)
    for _ in range(30):  # the power iteration needs some steps
        network(torch.rand(2, 32, 32), torch.rand(2, 10, 32, 32), sentences(LEFT, RIGHT))
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.05


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"widths": (16,)}, "widths"),
        ({"widths": (12, 24)}, "widths"),
        ({"height": 36}, "36x32"),
        # settings that do not exist are said alike in all of the configuration
        ({"output": "video"}, "^output: there is no such setting"),
        ({"horizon": 0}, "horizon"),
        ({"history": 9}, "history"),
        ({"dropout": 1.0}, "dropout"),
        ({"layers": 3}, "^layers: there is no such setting"),
        ({"widths": "wide"}, "widths"),
        ({"dense": "many"}, "^dense: 'many' should be a valid integer"),  # one line, not four
        ({"patch": 2.5}, "patch"),
        ({"losses": {"drawn": 0}}, r"^losses\.drawn: 0"),
        ({"losses": {"drawing": 3}}, r"^losses\.drawing: .*did you mean 'drawn'\?$"),
    ],
)
def test_generator_settings_that_cannot_be(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        build("generator", {**NETWORK, **changes})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"widths": ()}, "widths"),
        ({"widths": (8, 0)}, "widths"),
        ({"past": -1}, "past"),
        ({"past": 11}, "past"),
    ],
)
def test_discriminator_settings_that_cannot_be(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        discriminator(**changes)


def test_original_settings_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"40x32 frames.*16"):
        build("original", {"height": 40, "width": 32})


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"'resnet'.*generator.*unet"):
        build("resnet", {})


def test_lists_from_json_are_as_good_as_tuples() -> None:
    network = build("generator", {**NETWORK, "widths": [16, 32]})
    assert isinstance(network, Generator)
    assert network.config.widths == (16, 32)


@pytest.mark.parametrize("figures", [1, 2])
def test_a_source_that_knows_no_poses_teaches_by_its_frames(figures: int) -> None:
    network = generator(figures=figures)
    film = start(torch.rand(2, 10, 32, 32), LEFT, RIGHT)
    future, valid = torch.rand(2, AHEAD, 32, 32), torch.ones(2, AHEAD, dtype=torch.bool)
    loss, figures_ = network.training_loss(replace(film, future=future, future_valid=valid))
    assert loss.isfinite()
    assert figures_["poses"] == figures_["tracks"] == 0
