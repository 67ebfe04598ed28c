"""Speed of the KTH extraction against bare decoding of the same files, on one core.

    python benchmarks/extraction.py PATH/TO/KTH

Both are measured in turn, several times in one run, on one core where the system allows to pin the
process to it; the best of each counts.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2

from videogeneration.data.clips import write_clips
from videogeneration.sources.kth.extraction import extract_clips
from videogeneration.sources.kth.sequences import LIST_NAME, read_sequence_list
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.sources.kth.videos import find_videos


def bare_decoding(paths: list[Path], threads: int | None) -> float:
    """Frames a second of a plain `VideoCapture.read` loop; None leaves the threads to OpenCV."""
    options = [] if threads is None else [cv2.CAP_PROP_N_THREADS, threads]
    start, frames = time.perf_counter(), 0
    for path in paths:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, options)
        while capture.read()[0]:
            frames += 1
        capture.release()
    return frames / (time.perf_counter() - start)


def extraction(folder: Path, settings: KthSettings) -> float:
    """Video frames a second from the files to the finished clips, directions read."""
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        clips = write_clips(Path(scratch) / "clips", extract_clips(folder, settings))
        decoded: int = clips.report()["frames_decoded"]
        return decoded / (time.perf_counter() - start)


def main() -> None:
    """Print both speeds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a KTH folder with extracted videos")
    parser.add_argument("--actions", default="walking", help="joined by +")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    settings = KthSettings(actions=arguments.actions, clips={"processes": 1})
    listed = read_sequence_list(arguments.folder / LIST_NAME).videos
    videos = find_videos(arguments.folder, settings.actions)
    paths = [video.path for video in videos.values() if video.name in listed]
    speeds: dict[str, list[float]] = {"bare": [], "single": [], "extraction": []}
    for _ in range(arguments.repeats):
        speeds["bare"].append(bare_decoding(paths, None))
        speeds["single"].append(bare_decoding(paths, 1))
        speeds["extraction"].append(extraction(arguments.folder, settings))
    best = {name: max(values) for name, values in speeds.items()}
    print(f"{len(paths)} videos, best of {arguments.repeats}, frames a second:")
    print(f"  bare decoding                 {best['bare']:8.0f}")
    print(f"  bare decoding, one thread     {best['single']:8.0f}")
    print(f"  extraction                    {best['extraction']:8.0f}")
    print(f"  extraction / bare decoding              {best['extraction'] / best['bare']:.2f}")
    print(f"  extraction / bare decoding, one thread  {best['extraction'] / best['single']:.2f}")


if __name__ == "__main__":
    main()
