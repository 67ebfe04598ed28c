"""Normalised cross-correlation: how alike a picture is to templates, wherever they fit in."""

import cv2
import numpy as np


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
