"""How close a generated film is to the true one, frame by frame.

Every metric takes films as float32 `[T, H, W]` in [0, 1], of equal shapes, at least one frame and
finite values (ValueError otherwise), beside them a background, float32 `[H, W]`, where one is
needed, and gives one value a frame, float64 `[T]`. NaN means that the value is not defined for that
frame; a mean leaves it out and never counts it as zero. No single metric can be trusted: PSNR
prefers a figure that was wiped out to one that is a few pixels off, so read it beside `presence`
and `position_error`.
"""

import cv2
import numpy as np

from videogeneration.vision.foreground import (
    centroids,
    contrast,
    find_figure,
    grow,
    is_visible,
)

WIDENING = 3
"""Pixels by which foreground is widened in every direction before PSNR looks at it."""

FIGURE_SHARE = 0.01
"""A frame has its figure where at least this share of its pixels is foreground.

Recorded KTH frames without a walker still show up to 0.75 % (compression, a foot at the edge), a
walker in view has 2 to 15 %, and a thin handwritten 1 has 1 % of 64x64.
"""

PSNR_CEILING = 100.0
"""PSNR of equal frames in decibels; infinity would swallow every mean it enters."""

METRICS = (
    "psnr",
    "ssim",
    "foreground_psnr",
    "presence",
    "position_error",
    "sharpness",
    "left_in_time",
)
"""Columns of a score table, in order."""

FIGURE_METRICS = ("foreground_psnr", "presence", "position_error")
"""Those that speak of a figure: defined where the true frame has it (`has_figure`)."""

ENDING_METRICS = ("drift", "presence", "sharpness")
"""What `score_ending` measures, in order."""

# Wang et al. 2004: a Gaussian of 1.5 pixels, cut off at 3.5 sigma, and their two constants
_SSIM_SIGMA = 1.5
_SSIM_RADIUS = 5
_SSIM_C1 = 0.01**2
_SSIM_C2 = 0.03**2


def psnr(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio for a peak of 1, in decibels; at most `PSNR_CEILING`."""
    _check(predicted, true)
    error = np.square(predicted.astype(np.float64) - true).mean(axis=(1, 2))
    return _decibels(error)


def ssim(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Structural similarity for a data range of 1; at most 1.

    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from error
    visibility to structural similarity, IEEE TIP 2004. Equals scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    data_range=1)`, which leaves out a border of five pixels.

    Raises:
        ValueError: Frames are smaller than the window, 11x11.
    """
    _check(predicted, true)
    window = 2 * _SSIM_RADIUS + 1
    if min(true.shape[1:]) < window:
        raise ValueError(f"ssim: frames are {true.shape[1:]}, they need at least {window} pixels")
    return np.array([_frame_ssim(p, t) for p, t in zip(predicted, true, strict=True)], np.float64)


def _frame_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM of two frames `[H, W]`."""
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = _windowed(x * x) - mean_x * mean_x
    variance_y = _windowed(y * y) - mean_y * mean_y
    covariance = _windowed(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + _SSIM_C1) * (2 * covariance + _SSIM_C2)
    scale = (mean_x**2 + mean_y**2 + _SSIM_C1) * (variance_x + variance_y + _SSIM_C2)
    return float((likeness / scale).mean(dtype=np.float64))


def _windowed(image: np.ndarray) -> np.ndarray:
    """Gaussian-weighted local means, where the window lies wholly inside the frame."""
    size = 2 * _SSIM_RADIUS + 1
    blurred = cv2.GaussianBlur(image, (size, size), _SSIM_SIGMA)
    return blurred[_SSIM_RADIUS:-_SSIM_RADIUS, _SSIM_RADIUS:-_SSIM_RADIUS]


def foreground_pixels(
    true: np.ndarray, last_given: np.ndarray, background: np.ndarray
) -> np.ndarray:
    """Where the figure is or was: the pixels that `foreground_psnr` looks at.

    A pixel belongs where the true frame or the last given frame differs from the background by more
    than `foreground.THRESHOLD`; that is then widened by `WIDENING` pixels (a square). The
    prediction has no say, so every model is measured on the same pixels.

    Args:
        true: float32 `[T, H, W]` in [0, 1].
        last_given: float32 `[H, W]`, the newest frame that the models were given.
        background: float32 `[H, W]`.

    Returns:
        bool `[T, H, W]`.
    """
    figures = _figure(true, background), _figure(last_given[None], background)
    return grow((figures[0] != 0) | (figures[1] != 0), WIDENING)


def foreground_psnr(predicted: np.ndarray, true: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """PSNR over `pixels` alone, see `foreground_pixels`; NaN where a frame has none of them."""
    _check(predicted, true)
    error = np.square(predicted.astype(np.float64) - true).sum(axis=(1, 2), where=pixels)
    count = pixels.sum(axis=(1, 2))
    return _decibels(_ratio(error, count))


def presence(predicted: np.ndarray, true: np.ndarray, background: np.ndarray) -> np.ndarray:
    """How much of the figure there is: summed contrast over the true frame's.

    Contrast is the distance to the background, counted in full where it is more than
    `foreground.THRESHOLD` and not at all below, in both films alike: camera noise would otherwise
    add up over the picture. 1 is right, 0 is wiped out, 2 is twice as much; NaN where the true
    frame does not have its figure (`has_figure`).
    """
    _check(predicted, true)
    figure = _figure(true, background)
    expected = np.where(is_visible(figure, FIGURE_SHARE), contrast(figure), 0)
    return _ratio(contrast(_figure(predicted, background)), expected)


def has_figure(frames: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Whether at least `FIGURE_SHARE` of a frame's pixels are foreground, bool `[T]`."""
    return is_visible(_figure(frames, background), FIGURE_SHARE)


def position_error(predicted: np.ndarray, true: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Pixels between the contrast-weighted centres of the generated and the true foreground.

    NaN where the true frame does not have its figure, and NaN where the predicted one does not: a
    figure that is gone is nowhere, and `presence` tells that it is. The mean of a model that loses
    its figure therefore speaks only of the frames that kept it.
    """
    _check(predicted, true)
    distance: np.ndarray = np.full(len(true), np.nan)
    figures = _figure(predicted, background), _figure(true, background)
    both = is_visible(figures[0], FIGURE_SHARE) & is_visible(figures[1], FIGURE_SHARE)
    apart = centroids(figures[0]) - centroids(figures[1])
    distance[both] = np.hypot(apart[:, 0], apart[:, 1])[both]
    return distance


def left_in_time(predicted: np.ndarray, true: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Whether the figure has left the predicted frame where it has left the true one.

    1 where neither frame has its figure, 0 where only the true one has lost it; NaN where the true
    frame has it.
    """
    _check(predicted, true)
    left = ~has_figure(predicted, background)
    return np.where(has_figure(true, background), np.nan, left.astype(np.float64))


def sharpness(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean gradient magnitude over the true frame's: 1 is as sharp, less is blurred.

    NaN for a flat true frame.
    """
    _check(predicted, true)
    return _ratio(_gradient(predicted), _gradient(true))


def score_ending(
    last: np.ndarray, given: np.ndarray, clip: np.ndarray, background: np.ndarray | None
) -> tuple[float, ...]:
    """What a film of many steps has come to; there is no true frame so far on.

    Args:
        last: The film's last frame, float32 `[H, W]` in [0, 1].
        given: The frame that it started from, likewise.
        clip: The clip that the frame comes from, uint8 `[T, H, W]`.
        background: Its background, float32 `[H, W]` in [0, 1]; None where nobody knows it.

    Returns:
        `ENDING_METRICS` in order, NaN where a background is needed and not known. `drift`: mean
        absolute distance from the background, over the pixels that no figure covers in any frame
        of the clip, NaN where there are none. `presence`: summed contrast over the given frame's,
        see `presence`; 0 where a figure has left without a trace, 1 where it stays as it was.
        `sharpness`: mean gradient magnitude over the given frame's.
    """
    sharp = float(sharpness(last[None], given[None])[0])
    if background is None:
        return np.nan, np.nan, sharp
    covered = (_figure(clip, background) != 0).any(axis=0)
    free = ~grow(covered[None], WIDENING)[0]
    drift = np.abs(last - background)[free].mean() if free.any() else np.nan
    return (
        float(drift),
        float(presence(last[None], given[None], background)[0]),
        sharp,
    )


def _gradient(frames: np.ndarray) -> np.ndarray:
    """Mean magnitude of the central-difference gradient of each frame, `[T]`."""
    vertical, horizontal = np.gradient(frames, axis=(1, 2))
    return np.hypot(vertical, horizontal).mean(axis=(1, 2), dtype=np.float64)


def _figure(frames: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The foreground of frames as they are: neither a model's gain nor its specks are forgiven."""
    return find_figure(frames, background, clean=False)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole`, NaN where the whole is zero."""
    whole = np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _decibels(error: np.ndarray) -> np.ndarray:
    """PSNR of mean squared errors for a peak of 1."""
    return -10 * np.log10(np.maximum(error, 10 ** (-PSNR_CEILING / 10)))


def _check(predicted: np.ndarray, true: np.ndarray) -> None:
    for name, frames in (("predicted", predicted), ("true", true)):
        # uint8 would wrap around in a difference and flatter by decibels (OpenSTL issue 191)
        if not np.issubdtype(frames.dtype, np.floating) or frames.ndim != 3 or not len(frames):
            raise ValueError(
                f"{name}: {frames.dtype} {list(frames.shape)} is no film; "
                "metrics take float32 [T, H, W] in [0, 1]"
            )
        # a broken network's NaN must not pass for a value that is merely not defined
        if not np.isfinite(frames).all():
            raise ValueError(f"{name}: frames contain NaN or infinity; the model has diverged")
    if predicted.shape != true.shape:
        raise ValueError(
            f"predicted is {list(predicted.shape)} and true is {list(true.shape)}; make them equal"
        )


def score_film(
    predicted: np.ndarray, true: np.ndarray, given: np.ndarray, background: np.ndarray | None
) -> np.ndarray:
    """Every metric at every step, float64 `[T, len(METRICS)]` in the order of `METRICS`.

    An empty frame is easily right, by decibels: like the other metrics of the figure,
    `foreground_psnr` counts only where the true frame has one. Without a background nothing says
    where the figure is, and none of them is defined.

    Args:
        predicted: float32 `[T, H, W]` in [0, 1]; step 1 first.
        true: The true frames of the same steps.
        given: float32 `[C, H, W]`, the frames that the model started from, newest last.
        background: Of the true clip; None where nobody knows it.
    """
    values = {
        "psnr": psnr(predicted, true),
        "ssim": ssim(predicted, true),
        "sharpness": sharpness(predicted, true),
    }
    if background is not None:
        pixels = foreground_pixels(true, given[-1], background)
        decibels = foreground_psnr(predicted, true, pixels)
        values |= {
            "foreground_psnr": np.where(has_figure(true, background), decibels, np.nan),
            "presence": presence(predicted, true, background),
            "position_error": position_error(predicted, true, background),
            "left_in_time": left_in_time(predicted, true, background),
        }
    unknown = np.full(len(true), np.nan)
    return np.stack([values.get(name, unknown) for name in METRICS], axis=1)
