"""Makes the films of `gallery.md` and `README.md` anew, with `kedro animate`: `make gallery`."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image, ImageSequence

from videogeneration.demo.examples import LOOKS, draw_person

SHOWN = Path(__file__).parent / "gallery"

ANIMATED = Path("data") / "08_reporting" / "animate"
"""Where `kedro animate` leaves its films."""

ROWS = 160
"""Height of a film in pixels."""

COLOURS = 256
"""Of a file, which are those of all its frames."""

STEPS, SEED, FPS = 20, 1, 5

Films = list[tuple[str, str]]
"""Pictures and what is told them; those that stand in one row."""

GALLERY: dict[str, list[Films]] = {
    "sentences": [
        [("in red", f"a person is {what}") for what in row]
        for row in (
            ("walking to the left", "jogging to the left", "running to the right"),
            ("boxing", "clapping hands", "waving hands"),
        )
    ],
    "turns": [
        [
            ("in green", "a person is walking to the left"),
            ("in green", "a person is boxing"),
            ("in yellow", "a person is waving hands"),
        ]
    ],
    "failures": [
        [
            ("two people", "a person is walking to the right"),
            ("cut off", "a person is walking to the right"),
            ("turned", "a person is boxing"),
        ]
    ],
}
"""What is shown, a file each."""


def pictures() -> Mapping[str, np.ndarray]:
    """People to animate, uint8 `[480, 640, 3]` each."""
    people = {look.name: draw_person(look) for look in LOOKS}
    red, green, _ = LOOKS
    two = draw_person(replace(red, column=0.3))
    other = draw_person(replace(green, column=0.7, wall=red.wall))
    two[:, two.shape[1] // 2 :] = other[:, two.shape[1] // 2 :]
    cut = people[red.name][60:330, 70:430]
    lying = np.rot90(people[red.name])[80:560]
    return {
        **people,
        "two people": two,
        "cut off": cv2.resize(cut, (640, 480), interpolation=cv2.INTER_CUBIC),
        "turned": cv2.copyMakeBorder(lying, 0, 0, 80, 80, cv2.BORDER_REPLICATE),
    }


def animated(picture: np.ndarray, name: str, sentence: str) -> np.ndarray:
    """What `kedro animate` makes of a picture, uint8 `[T, ROWS, W, 3]`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.png"
        Image.fromarray(picture).save(path)
        words = ["kedro", "animate", str(path), sentence, "--model", "package"]
        words += ["--steps", str(STEPS), "--seed", str(SEED)]
        subprocess.run([sys.executable, "-m", *words], check=True)
    with Image.open(max(ANIMATED.glob(f"{name}_*.gif"), key=os.path.getmtime)) as film:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    size = ROWS * picture.shape[1] // picture.shape[0], ROWS
    return np.array([cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in frames])


def beside(films: list[np.ndarray], axis: int) -> np.ndarray:
    """Films beside or below one another; one that has ended stands still."""
    length = max(map(len, films))
    held = [np.concatenate([x, np.repeat(x[-1:], length - len(x), axis=0)]) for x in films]
    return np.concatenate(held, axis)


def write(path: Path, film: np.ndarray) -> None:
    """Write an endless GIF, all of whose frames have the same colours: nothing flickers."""
    several = Image.fromarray(np.concatenate(film[::5]))
    palette = several.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    frames = [Image.fromarray(x).quantize(palette=palette, dither=0) for x in film]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=1000 // FPS, loop=0)
    print(f"{path}: {path.stat().st_size // 1000} kB")


def main() -> None:
    """Draw every film and write the files, and one of the pictures."""
    drawn = pictures()
    Image.fromarray(drawn["in red"]).save(SHOWN / "in_red.jpg", quality=90)
    for file, rows in GALLERY.items():
        made = [beside([animated(drawn[of], of, said) for of, said in row], 2) for row in rows]
        write(SHOWN / f"{file}.gif", beside(made, 1))


if __name__ == "__main__":
    main()
