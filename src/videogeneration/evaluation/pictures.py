"""Scores of generated first frames: do they show what the sentence says, and are they varied?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from videogeneration.captions import Grammar
from videogeneration.data.first_frames import one_hot, seen
from videogeneration.evaluation.frechet import frechet_distance
from videogeneration.models.classifier import Classifier
from videogeneration.models.text_to_image import ImageGenerator

PICTURE_COLUMNS = ["pictures", "n", "named_right", "diversity", "classifier_frechet"]
"""Columns of a table of scores, see `score_pictures`."""

_AT_ONCE = 100  # pictures


@torch.no_grad()
def draw_pictures(
    generator: ImageGenerator, captions: Sequence[str], grammar: Grammar, seed: int = 0
) -> np.ndarray:
    """One picture a sentence, float32 `[N, H, W]` in [0, 1], from noise that follows from the seed.

    Args:
        generator: A trained network, on any device.
        captions: Sentences of the grammar.
        grammar: The source's.
        seed: Of the noise.
    """
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(captions), generator.config.noise, generator=random)
    device = next(generator.parameters()).device
    words = one_hot(list(captions), grammar)
    training = generator.training
    generator.eval()
    drawn = [
        generator(n.to(device), w.to(device)).float().cpu()
        for n, w in zip(noise.split(_AT_ONCE), words.split(_AT_ONCE), strict=True)
    ]
    generator.train(training)
    return torch.cat(drawn).numpy()


def score_pictures(
    name: str,
    pictures: np.ndarray,
    captions: Sequence[str],
    reference: np.ndarray,
    reference_captions: Sequence[str],
    classifier: Classifier,
    grammar: Grammar,
) -> dict[str, float | str]:
    """Score pictures against real ones of the training split.

    Args:
        name: What the row is called.
        pictures: float32 `[N, H, W]` in [0, 1].
        captions: What each should show.
        reference: Real pictures likewise.
        reference_captions: What they show.
        classifier: Says what a picture shows.
        grammar: The source's.

    Returns:
        `pictures` (the name), `n`, `named_right` (share of pictures in which the classifier sees
        exactly what the sentence names), `diversity` (see there) over the real one, and
        `classifier_frechet`; absent where it could not be measured.
    """
    features, logits = _look(classifier, pictures)
    right = ((logits > 0) == (seen(list(captions), grammar) > 0)).all(1)
    row: dict[str, float | str] = {
        "pictures": name,
        "n": len(pictures),
        "named_right": float(right.float().mean()),
    }
    own = diversity(pictures, captions, grammar)
    real = diversity(reference, reference_captions, grammar)
    if own is not None and real:
        row["diversity"] = own / real
    row["classifier_frechet"] = frechet_distance(
        features.double().numpy(), _look(classifier, reference)[0].double().numpy()
    )
    return row


def diversity(pictures: np.ndarray, captions: Sequence[str], grammar: Grammar) -> float | None:
    """Mean distance between pictures that show the same; near 0 where a generator has collapsed.

    Args:
        pictures: float32 `[N, H, W]`.
        captions: Their sentences.
        grammar: Says which of them show the same.

    Returns:
        The root mean square difference, a mean over pairs and then over what is shown; None where
        no two pictures show the same.
    """
    groups: dict[frozenset[str], list[int]] = {}
    for index, caption in enumerate(captions):
        groups.setdefault(frozenset(grammar.seen(caption)), []).append(index)
    means = []
    for members in groups.values():
        if len(members) > 1:
            flat = torch.from_numpy(pictures[members]).flatten(1)
            means.append(float(torch.pdist(flat).mean()) / flat.shape[1] ** 0.5)
    return float(np.mean(means)) if means else None


@torch.no_grad()
def _look(classifier: Classifier, pictures: np.ndarray) -> tuple[Tensor, Tensor]:
    """A classifier's features and logits."""
    device = next(classifier.parameters()).device
    features = torch.cat(
        [
            classifier.features(torch.from_numpy(part).to(device))
            for part in np.array_split(pictures, -(-len(pictures) // _AT_ONCE))
        ]
    )
    return features.cpu(), classifier.name(features).cpu()
