"""Speed of making scenes against a bare loop of image warps, on one core.

    python benchmarks/scenes.py
    python benchmarks/scenes.py --idx PATH/TO/MNIST

Clips have two elements and 20 frames of 64x64 and are written to a clip store. The bare loop warps
a ready sprite over the whole frame twice a frame and does nothing else. Both are measured in turn,
several times in one run; the best of each counts.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from videogeneration.data.clips import write_clips
from videogeneration.sources.digits import idx_digits, optdigits
from videogeneration.sources.icons import icons
from videogeneration.sources.scenes import Counts, ElementSettings, SceneSettings, make_clips
from videogeneration.sources.sprites import Sprites

CLIPS = 1000


def scenes(sprites: Sprites, settings: SceneSettings) -> float:
    """Clips a second, from sprites to a finished store."""
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        counts = Counts(train=CLIPS, validation=0, test=0, held_out=0)
        stream = make_clips(sprites, ElementSettings(counts=counts, scenes=settings))
        write_clips(Path(scratch) / "clips", stream)
        return CLIPS / (time.perf_counter() - start)


def bare_warps(sprites: Sprites, settings: SceneSettings) -> float:
    """Clips a second of two whole-frame warps a frame, merged, neither drawn nor written."""
    sprite = cv2.resize(sprites.images[0], (24, 24), interpolation=cv2.INTER_AREA)
    size = (settings.canvas, settings.canvas)
    start = time.perf_counter()
    for _ in range(CLIPS):
        clip = np.zeros((settings.frames, *size), np.uint8)
        for t, frame in enumerate(clip):
            for offset in (0, 20):
                matrix = cv2.getRotationMatrix2D((11.5, 11.5), 36.0 * t, 1)
                matrix[:, 2] += offset + t
                np.maximum(frame, cv2.warpAffine(sprite, matrix, size), out=frame)
    return CLIPS / (time.perf_counter() - start)


def main() -> None:
    """Print both speeds and their ratio for each source of sprites."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idx", type=Path, help="folder with MNIST's IDX files; else left out")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    settings = SceneSettings(two_elements=1.0)
    sources = {"icons": icons(), "optdigits": optdigits()}
    if arguments.idx:
        sources["idx"] = idx_digits(arguments.idx)
    for name, sprites in sources.items():
        start = time.perf_counter()
        _ = sprites.circles
        ready = time.perf_counter() - start
        ours, bare = 0.0, 0.0
        for _ in range(arguments.repeats):
            ours = max(ours, scenes(sprites, settings))
            bare = max(bare, bare_warps(sprites, settings))
        print(
            f"{name:<10} {ours:6.0f} clips/s, bare warps {bare:6.0f} clips/s, "
            f"ratio {ours / bare:.2f}; circles of {len(sprites.images)} sprites once {ready:.2f} s"
        )


if __name__ == "__main__":
    main()
