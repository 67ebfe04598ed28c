"""The networks that draw first frames and judge them, and the one that names what they show."""

from typing import Any

import pytest
import torch
from torch import Tensor

from toys import LEFT, RIGHT, image_discriminator, image_generator
from videogeneration.captions import ActionGrammar, SceneGrammar
from videogeneration.data.first_frames import one_hot
from videogeneration.models.classifier import Classifier, ClassifierConfig
from videogeneration.models.text_to_image import SentenceEncoder
from videogeneration.training.checkpoints import build

WORDS = one_hot([LEFT, RIGHT, LEFT, "a person is boxing"], ActionGrammar())


def noise(count: int = 4, length: int = 8) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(count, length)


@pytest.mark.parametrize("background", [(), (8, 8, 8)])
def test_generator_draws_pictures_in_range(background: tuple[int, ...]) -> None:
    network = image_generator(background=background)
    picture = network(noise(), WORDS)
    assert picture.shape == (4, 32, 32)
    assert picture.min() >= 0
    assert picture.max() <= 1
    picture.sum().backward()
    gradients = [p.grad for p in network.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


def test_generator_hears_noise_and_sentence() -> None:
    network = image_generator().eval()
    one = network(noise(), WORDS)
    assert torch.equal(one, network(noise(), WORDS))
    assert not torch.allclose(one, network(noise() + 0.5, WORDS))
    assert not torch.allclose(one[0], network(noise(), WORDS.roll(1, 0))[0])


def test_figures_lie_wholly_in_the_picture() -> None:
    network = image_generator().eval()
    with torch.no_grad():
        # the whole canvas is white and opaque
        network.painter.pixels.weight.zero_()
        network.painter.pixels.bias.fill_(20.0)  # type: ignore[union-attr]
        network.spread.weight *= 20
        pictures = network(noise(64).clone(), WORDS.repeat(16, 1, 1))
    area = pictures.sum((1, 2))
    smallest, largest = 16**2 / 2, 16**2 * 2
    assert ((area > 0.6 * smallest) & (area < 1.1 * largest)).all()
    # and they are not all at one place
    columns = torch.arange(32.0) * pictures
    assert (columns.sum((1, 2)) / area).std() > 3


def test_canvases_may_be_taller_than_wide() -> None:
    network = image_generator(aspect=0.5).eval()
    white = torch.ones(1, 2, 16, 16)
    placed = network.place(white, torch.zeros(1, 3))[0, 0]
    assert placed.sum(0).count_nonzero() == pytest.approx(8, abs=2)
    assert placed.sum(1).count_nonzero() == pytest.approx(16, abs=2)


def test_the_ground_stays_where_looks_change() -> None:
    network = image_generator(background=(8, 8)).eval()
    with torch.no_grad():
        network.painter.pixels.weight.zero_()
        network.painter.pixels.bias.fill_(-20.0)  # type: ignore[union-attr]
    one = noise()
    other = network.other_looks(one)
    assert not torch.equal(one, other)
    assert torch.equal(network(one, WORDS), network(other, WORDS))
    assert network(one, WORDS).diff(dim=2).abs().mean() > 0.01  # it has grain


def test_a_later_figure_covers_an_earlier_one() -> None:
    network = image_generator(figures=2, noise=9).eval()
    layers = torch.zeros(2, 2, 16, 16)
    layers[0], layers[1, 1] = 1, 1  # a white figure, then a black one
    placed = network.place(layers, torch.zeros(2, 3))
    picture = torch.zeros(32, 32)
    for grey, opacity in placed:
        picture = picture * (1 - opacity) + grey
    assert picture.max() < 0.5
    assert placed[0, 0].max() == 1


def test_the_encoder_hears_the_order_of_words() -> None:
    grammar = SceneGrammar(("house", "car"))
    first, second = (
        grammar.sentence([(a, "up_down"), (b, "left_right")])
        for a, b in (("house", "car"), ("car", "house"))
    )
    torch.manual_seed(0)
    encoder = SentenceEncoder(*grammar.vocabulary.shape, 16, 2).eval()
    parts = encoder(one_hot([first, second], grammar))
    assert parts.shape == (2, 2, 16)
    assert not torch.allclose(parts[0], parts[1], atol=1e-3)


@pytest.mark.parametrize("spectral", [False, True])
def test_discriminator_scores_and_names(spectral: bool) -> None:
    network = image_discriminator(spectral=spectral).eval()
    picture = torch.rand(4, 32, 32)
    features = network.features(picture)
    scores = network.score(features, WORDS)
    assert scores.shape == (4,)
    assert torch.allclose(scores, network(picture, WORDS))
    assert not torch.allclose(scores, network.score(features, WORDS.roll(1, 0)))
    assert network.named(features).shape == (4, 3)
    # a side of the picture can be part of the meaning
    half = torch.zeros(1, 32, 32)
    half[:, :, :16] = 1
    mirrored = network.features(half.flip(2)).mean((2, 3))
    assert not torch.allclose(network.features(half).mean((2, 3)), mirrored, atol=1e-3)


def test_classifier_names_every_sight() -> None:
    torch.manual_seed(0)
    network = Classifier(ClassifierConfig(sights=7, widths=(8, 16))).eval()
    pictures = torch.rand(3, 32, 32)
    assert network(pictures).shape == (3, 7)
    assert network.features(pictures).shape == (3, 16)
    # what is rare is called unlikely before anything is learned
    assert (network(pictures).sigmoid() < 0.5).all()


@pytest.mark.parametrize(
    ("network", "given", "message"),
    [
        ("imagegenerator", {"noise": 10, "figures": 2}, "noise: 10.*multiple of 3"),
        # of the network: what a picture has room for is known with the clips
        ("imagegenerator", {"size": 48, "height": 64}, r"^image_generator\.size: 48.*at most 45"),
        ("imagegenerator", {"size": 0}, "size: 0"),
        ("imagegenerator", {"aspect": 2.0}, "aspect: 2.0"),
        # the one that does not fit is named
        ("imagegenerator", {"widths": [16, 20]}, r"^widths\.1: 20 should be a multiple of 8$"),
        ("imagegenerator", {"background": [4]}, r"^background\.0: 4 should be"),
        ("imagegenerator", {"figures": 0}, "figures: 0"),
        ("classifier", {"widths": []}, "widths"),
        ("classifier", {"widths": [12]}, r"^widths\.0: 12 should be a multiple of 8$"),
        ("classifier", {"sights": 0}, "^sights: 0"),
    ],
)
def test_bad_settings_are_named(network: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        build(network, given)
