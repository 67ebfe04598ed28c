"""The networks: shapes and ranges, what they listen to, and settings that they refuse."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from toys import LEFT, NETWORK, RIGHT, discriminator, generator
from videogeneration.captions import KthGrammar, SceneGrammar
from videogeneration.models.generator import Generator
from videogeneration.models.motions import Motions, move
from videogeneration.models.original import Original, OriginalConfig
from videogeneration.models.sentences import SentenceLookup
from videogeneration.training.checkpoints import build
from videogeneration.training.losses import matching_loss


def sentences(*texts: str) -> Tensor:
    vocabulary = KthGrammar().vocabulary
    return torch.stack([torch.from_numpy(vocabulary.encode(text)).float() for text in texts])


def history_of_ones(batch: int, present: int, value: float = 1.0) -> Tensor:
    history = torch.zeros(batch, 10, 32, 32)
    history[:, 10 - present :] = value
    return history


@pytest.mark.parametrize("output", ["composite", "frame"])
@pytest.mark.parametrize("present", [1, 10])
def test_generator_draws_one_frame_in_range(output: str, present: int) -> None:
    network = generator(output=output).eval()
    history = torch.rand(3, 10, 32, 32)
    history[:, : 10 - present] = 0
    frame = network(history, sentences(LEFT, RIGHT, LEFT))
    assert frame.shape == (3, 32, 32)
    assert frame.dtype == torch.float32
    assert frame.min() >= 0
    assert frame.max() <= 1
    frame.sum().backward()
    gradients = [p.grad for p in network.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


@pytest.mark.parametrize(
    "changes",
    [
        {"height": 48, "width": 64, "widths": (8, 16, 24)},
        {"height": 64, "width": 64, "patch": 2, "widths": (8, 8, 16, 16, 24)},
        {"words": 17, "vocabulary": 40},
        {"figures": 2},
        {"figures": 3, "output": "frame"},
        {"sources": 1},
        {"sources": 10},
    ],
)
def test_generator_of_other_sizes(changes: dict[str, Any]) -> None:
    network = generator(**changes)
    config = network.config
    history = torch.rand(2, 10, config.height, config.width)
    frame = network(history, torch.rand(2, config.words, config.vocabulary))
    assert frame.shape == history.shape[:1] + history.shape[2:]


def test_an_untrained_composite_stays_near_the_last_frame() -> None:
    history = torch.rand(2, 10, 32, 32)
    frame = generator().eval()(history, sentences(LEFT, RIGHT))
    nearest = [(frame - history[:, place]).abs().mean().item() for place in range(10)]
    assert min(nearest) == nearest[-1]


def test_missing_frames_are_never_chosen() -> None:
    network = generator().eval()
    sources, patch = network.config.sources, network.config.patch**2
    with torch.no_grad():
        # whatever is drawn anew is white; the oldest frame is preferred by far
        network.pixels.weight.zero_()
        assert network.pixels.bias is not None
        bias = network.pixels.bias.view(-1, patch)
        bias.zero_()
        bias[0] = 100
        bias[1] = 30
    white = network(history_of_ones(2, present=1), sentences(LEFT, RIGHT))
    assert white.min() > 0.999
    # with all frames there, those that are preferred are the ones that are shown
    old = torch.rand(2, 10, 32, 32)
    drawn = network(old, sentences(LEFT, RIGHT))
    still = (drawn - old[:, -sources]).abs().mean()
    assert still < min((drawn - old[:, place]).abs().mean() for place in range(11 - sources, 10))


def test_generator_is_told_which_frames_are_missing() -> None:
    network = generator(output="frame").eval()
    one, all_but_one = history_of_ones(1, 1, 0.5), history_of_ones(1, 9, 0.5)
    assert not torch.allclose(network(one, sentences(LEFT)), network(all_but_one, sentences(LEFT)))


@pytest.mark.parametrize("output", ["composite", "frame"])
def test_the_caption_is_heard_after_a_few_steps(output: str) -> None:
    """A bright side as the sentence says: nothing but the sentence tells which."""
    network = generator(output=output, dropout=0.0)
    caption = sentences(LEFT, RIGHT)
    wanted = torch.full((2, 32, 32), 0.2)
    wanted[0, :, :16] = wanted[1, :, 16:] = 0.8
    history = history_of_ones(2, present=1, value=0.5)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(200):
        loss = F.mse_loss(network(history, caption), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    left, right = network.eval()(history, caption).detach()
    assert left[:, :16].mean() - left[:, 16:].mean() > 0.3
    assert right[:, 16:].mean() - right[:, :16].mean() > 0.3


def test_captions_of_a_batch_do_not_mix() -> None:
    network = generator().eval()
    history = torch.rand(2, 10, 32, 32)
    together = network(history, sentences(LEFT, RIGHT))
    alone = network(history[1:], sentences(RIGHT))
    assert torch.allclose(together[1:], alone, atol=1e-5)


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


def moved(x: float = 0, y: float = 0, turn: float = 0, shrinking: float = 0) -> Tensor:
    """A bar of 3x9 pixels round column 20 of row 10 of 32x64, moved about its own middle."""
    frame = torch.zeros(1, 1, 32, 64)
    frame[..., 9:12, 16:25] = 1
    middle = [20.5 / 32 - 1, 10.5 / 16 - 1]
    motion = torch.tensor([[[[*middle, x / 32, y / 16, turn, shrinking]]]])
    return move(frame, motion)[0, 0, 0]


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, 0), (-5, 0), (0, 3), (0, -3), (7, -4)])
def test_a_shift_is_in_half_widths_and_heights(right: int, down: int) -> None:
    expected = torch.zeros(32, 64)
    expected[9 + down : 12 + down, 16 + right : 25 + right] = 1
    assert torch.allclose(moved(right, down), expected, atol=1e-4)


def test_a_turn_is_about_the_centre_and_keeps_its_shape_in_any_frame() -> None:
    expected = torch.zeros(32, 64)
    expected[6:15, 19:22] = 1
    assert torch.allclose(moved(turn=torch.pi / 2), expected, atol=1e-3)


def test_a_turn_is_clockwise() -> None:
    turned = moved(turn=torch.pi / 6)
    assert turned[8:10, :20].sum() > 2 * turned[11:13, :20].sum()  # the left end goes up


def test_shrinking_below_zero_makes_larger() -> None:
    assert moved(shrinking=-0.3).sum() > 27 > moved(shrinking=0.5).sum()


def test_a_moved_frame_goes_on_beyond_its_border() -> None:
    frame = torch.arange(32.0).expand(1, 1, 32, 32) / 31
    moved = move(frame, torch.tensor([[[[0, 0, -1.0, 0, 0, 0]]]]))
    assert torch.allclose(moved[..., -5:], torch.ones(1, 1, 1, 32, 5))


def test_every_figure_makes_its_own_motions() -> None:
    frames = torch.zeros(1, 2, 32, 32)
    frames[0, 0, 4:8, 4:8] = frames[0, 1, 20:24, 4:8] = 1
    motions = torch.zeros(1, 2, 3, 6)
    motions[0, 0, 1, 2] = 0.5  # the first to the right
    motions[0, 1, 2, 3] = -0.5  # the second up
    moved = move(frames, motions)
    assert torch.allclose(moved[:, :, 0], frames, atol=1e-5)
    assert torch.allclose(moved[0, 0, 1], frames[0, 0].roll(8, 1), atol=1e-5)
    assert torch.allclose(moved[0, 1, 2], frames[0, 1].roll(-8, 0), atol=1e-5)
    assert torch.allclose(moved[0, 1, 1], frames[0, 1], atol=1e-5)


def test_what_moves_again_and_again_stays_sharp() -> None:
    start = torch.zeros(1, 1, 32, 32)
    start[..., 10:20, 10:20] = 1
    step = torch.tensor([[[[0, 0, 0.4 / 16, 0, 0, 0]]]])
    kept = {}
    for sharp in (False, True):
        frame = start
        for _ in range(10):
            frame = move(frame, step, sharp)[:, :, 0]
        assert frame.min() >= 0
        assert frame.max() <= 1
        kept[sharp] = ((frame - start.roll(4, 3)) ** 2).mean()
    assert kept[True] < 0.5 * kept[False]


def test_motions_are_found_where_the_figure_is() -> None:
    """A square that moves by three pixels, anywhere: its motion follows from what is seen."""
    torch.manual_seed(0)
    motions = Motions(channels=1, embedding=4, figures=1, proposals=4)
    optimizer = torch.optim.Adam(motions.parameters(), 1e-2)
    for _ in range(150):
        places = torch.randint(4, 20, (8, 2))
        frames = torch.zeros(8, 32, 32)
        for frame, (x, y) in zip(frames, places, strict=True):
            frame[y : y + 6, x : x + 6] = 1
        proposed = move(frames[:, None], motions(frames[:, None], torch.zeros(8, 1, 4)))[:, 0]
        wanted = frames.roll(3, 2)
        loss = ((proposed - wanted[:, None]) ** 2).mean((2, 3)).amin(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    still = ((frames - wanted) ** 2).mean()
    assert loss < 0.2 * still


def test_original_has_the_size_of_the_original() -> None:
    network = Original(OriginalConfig())
    parameters = sum(p.numel() for p in network.parameters())
    assert 25.4e6 <= parameters <= 25.6e6
    dense = sum(p.numel() for p in network.inner.parameters())
    assert dense / parameters == pytest.approx(0.989, abs=0.002)


def test_original_draws_one_frame_in_range() -> None:
    network = build("original", {"height": 32, "width": 48}).eval()
    history = torch.rand(2, 10, 32, 48)
    frame = network(history, sentences(LEFT, RIGHT))
    assert frame.shape == (2, 32, 48)
    assert frame.min() >= 0
    assert frame.max() <= 1
    same = network(history[:1].repeat(2, 1, 1, 1), sentences(LEFT, RIGHT))
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
    told = discriminator(past=3).eval()
    score = told(frame, history, own)
    assert not torch.equal(told(frame, history, other), score)
    assert not torch.equal(told(frame, newer, own), score)
    assert torch.equal(told(frame, older, own), score)
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
        ({"output": "video"}, "output.*composite or frame"),
        ({"sources": 0}, "sources"),
        ({"sources": 11}, "sources"),
        ({"history": 9}, "history"),
        ({"dropout": 1.0}, "dropout"),
        ({"layers": 3}, "unknown setting layers"),
        ({"widths": "wide"}, "widths"),
        ({"dense": "many"}, "dense.*\n.*many"),
        ({"patch": 2.5}, "patch"),
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
    with pytest.raises(ValueError, match=r"'unet'.*generator, original"):
        build("unet", {})


def test_lists_from_json_are_as_good_as_tuples() -> None:
    network = build("generator", {**NETWORK, "widths": [16, 32]})
    assert isinstance(network, Generator)
    assert network.config.widths == (16, 32)
