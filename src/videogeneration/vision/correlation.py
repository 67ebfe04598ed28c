"""Normalised cross-correlation: how alike two pictures are at every shift of one of them."""

import cv2
import numpy as np


def correlate_shifts(
    pictures: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    max_shift: int,
    min_overlap: float,
) -> tuple[np.ndarray, np.ndarray]:
    """How alike pairs of pictures are at every horizontal shift from the first to the second.

    All shifts at once (a Fourier transform), normalised by the energy of the columns that both
    pictures still show after the shift: a figure that is half outside of one of them is compared
    with the same half only.

    Args:
        pictures: Of zero mean or zero outside of what is to be compared, float `[T, H, W]`.
        first: Indices of the pairs' first pictures, int `[P]`.
        second: Indices of their second ones, int `[P]`.
        max_shift: Largest shift in pixels.
        min_overlap: The energy that normalises is at least this share of the fainter picture's, so
            that a shift which leaves less of it in both pictures is no match.

    Returns:
        Shifts in pixels, positive to the right, int `[S]`, and scores, at most 1, float64 `[P, S]`.
    """
    width = pictures.shape[2]
    shifts = np.arange(-max_shift, max_shift + 1)
    # twice the width, so that nothing wraps around
    spectrum = np.fft.rfft(pictures.astype(np.float64), 2 * width, axis=2)
    products = (spectrum[first].conj() * spectrum[second]).sum(axis=1)
    correlation = np.fft.irfft(products, 2 * width, axis=1)[:, shifts]
    columns = np.square(pictures, dtype=np.float64).sum(axis=1)
    energy = np.concatenate([np.zeros((len(columns), 1)), np.cumsum(columns, axis=1)], axis=1)
    start, end = np.maximum(0, -shifts), np.minimum(width, width - shifts)
    before = energy[first][:, end] - energy[first][:, start]
    after = energy[second][:, end + shifts] - energy[second][:, start + shifts]
    least = min_overlap * np.minimum(energy[first, -1], energy[second, -1])[:, None]
    return shifts, correlation / np.maximum((before + after) / 2, least)


def match_templates(
    image: np.ndarray, templates: np.ndarray, mask: np.ndarray, min_norm: float
) -> np.ndarray:
    """How alike templates are to what an image shows at every place where they fit into it.

    Zero-mean normalised correlation within a mask. OpenCV's own (`TM_CCOEFF_NORMED` with a mask)
    has no least norm, and finds anything at all in a dark and empty place.

    Args:
        image: float32 `[H, W]`.
        templates: float32 `[N, h, w]`; of each only what is inside the mask counts.
        mask: bool `[h, w]`.
        min_norm: Norm, in the image's grey values, below which a patch counts as faint.

    Returns:
        float32 `[N, H - h + 1, W - w + 1]`, -1 to 1.
    """
    weights = mask.astype(np.float32)
    total = cv2.matchTemplate(image, weights, cv2.TM_CCORR)
    square = cv2.matchTemplate(image * image, weights, cv2.TM_CCORR)
    norm = np.sqrt(np.maximum(square - total * total / mask.sum(), 0))
    inside = templates[:, mask]
    inside = inside - inside.mean(axis=1, keepdims=True)
    inside /= np.maximum(np.linalg.norm(inside, axis=1, keepdims=True), 1e-6)
    normalised = np.zeros_like(templates)
    normalised[:, mask] = inside
    match = [cv2.matchTemplate(image, each, cv2.TM_CCORR) for each in normalised]
    return np.stack(match) / np.maximum(norm, min_norm)
