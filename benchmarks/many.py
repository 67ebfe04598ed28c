"""Memory and time of a training step against the number of clips, and of scoring against films.

    python benchmarks/many.py
    python benchmarks/many.py --source kth --clips 100 1000

A hundred clips of a source are made and repeated under other names. Every row is measured in a
process of its own; memory is what the process holds itself at most, without files that it has
mapped: those the system takes back when it wants. 50,000 clips of icons take 3 GB of disk.
"""

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
import yaml

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clip, Clips, ClipStream, write_clips
from videogeneration.data.windows import WindowSettings
from videogeneration.datasets.arrays import NumpyDataset
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import BASELINES, draw_films, plan_films
from videogeneration.evaluation.scoring import follow, following_rates, measure, score
from videogeneration.pipelines.data.nodes import encode_captions
from videogeneration.sources import SOURCES
from videogeneration.training.device import Device
from videogeneration.training.mse import MseSettings, MseTraining

DIFFERENT = 100
"""Clips that are made."""

WARMUP = 3
"""Steps before those that are timed."""

PARAMETERS = Path(__file__).parents[1] / "conf" / "base"


class Memory:
    """The most memory that this process holds itself, in megabytes, while it is watched."""

    def __init__(self) -> None:
        self.peak = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            lines = Path("/proc/self/status").read_text().splitlines()
            own = next(line for line in lines if line.startswith("RssAnon"))
            self.peak = max(self.peak, int(own.split()[1]) / 1024)
            time.sleep(0.01)


def parameters(source: str) -> dict[str, Any]:
    """A source's block of parameters, as the project comes."""
    for path in sorted(PARAMETERS.glob("parameters*.yml")):
        if source in (read := yaml.safe_load(path.read_text())):
            return dict(read[source])
    raise ValueError(f"{source}: no parameters in {PARAMETERS}")


def made(source: str, folder: Path, canvas: int) -> tuple[Clips, Grammar]:
    """A few different clips of a source, half of them for testing."""
    block, half = parameters(source), DIFFERENT // 2
    few: dict[str, Any] = {
        "counts": {"train": half, "validation": 0, "test": half, "held_out": 0},
        "people": {**block.get("people", {}), "subjects": 4, "films": half},
        "motions": 100,
        "scenes": {**block.get("scenes", {}), "frames": 12, "canvas": canvas},
    }
    own = SOURCES[source]
    known = {field.name for field in fields(own.settings)}
    block |= {name: value for name, value in few.items() if name in known}
    settings = own.read_settings(block, {*block} - known)
    return write_clips(folder / "made", own.make_clips(settings, folder)), own.grammar(settings)


def repeated(clips: Clips, number: int, split: str) -> Iterator[Clip]:
    """So many clips of a split, the same ones again and again under other names."""
    some = clips.split(split)
    for copy in range(number):
        index = copy % len(some)
        row = {str(key): x for key, x in some.table.iloc[index].items()}
        for name in ("start", "length", "background_valid"):  # the store's own
            del row[name]
        rows = some.rows(index)
        labels = {name: x[rows] for name, x in clips.labels.items()}
        yield Clip(some[index], {**row, "clip_id": f"copy{copy}"}, labels, some.background(index))


def many(clips: Clips, number: int, split: str, folder: Path) -> Clips:
    """A store of so many clips."""
    stream = ClipStream(clips.size, repeated(clips, number, split), sequences=clips.sequences)
    return write_clips(folder, stream)


def training(source: str, grammar: Grammar, folder: Path, steps: int) -> tuple[float, float, float]:
    """Megabytes, milliseconds a step, and the share of them that is spent waiting for batches."""
    memory, block, clips = Memory(), parameters(source), Clips.open(folder)
    # from a file, as the pipelines have them
    captions = NumpyDataset(filepath=str(folder.with_name("captions.npy"))).load()
    device = Device.choose("auto", "float32")
    settings = MseSettings(**block["mse"])
    task = MseTraining(
        clips,
        captions,
        grammar,
        block["network"],
        WindowSettings(**block["windows"]),
        replace(settings, steps=max(settings.steps, WARMUP + steps)),
        asdict(device),
    ).task(device)
    batches = task.batches(0, WARMUP + steps)
    waited = start = 0.0
    for step in count():
        if step == WARMUP:
            _wait()
            start, waited = time.perf_counter(), 0.0
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            break
        torch.manual_seed(step)
        task.step(step, batch)
        _wait()
    seconds = time.perf_counter() - start
    return memory.peak, 1000 * seconds / steps, waited / seconds


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def scoring(source: str, grammar: Grammar, folder: Path) -> tuple[float, float, float]:
    """Megabytes of drawing and of scoring, and milliseconds a film, with the baselines alone."""
    memory, clips, start = Memory(), Clips.open(folder), time.perf_counter()
    protocols = [Protocol(1, 10), Protocol(5, 10)]
    films = plan_films(list(BASELINES), clips, grammar, protocols, 50, 1, len(clips), len(clips))
    predictions = folder.with_name(f"{folder.name}_predictions")
    write_predictions(predictions, draw_films(BASELINES, clips, films))
    drawing, memory.peak = memory.peak, 0.0
    judge = SOURCES[source].judge(grammar)
    opened = Predictions.open(predictions)
    score(measure(opened, clips, judge))
    following_rates(follow(opened, clips, judge))
    return drawing, memory.peak, 1000 * (time.perf_counter() - start) / len(films)


def alone(function: Any, *arguments: Any) -> tuple[float, float, float]:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        first, second, third = pool.submit(function, *arguments).result()
        return first, second, third


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="icons", choices=list(SOURCES))
    parser.add_argument("--clips", type=int, nargs="+", default=[100, 1000, 10_000, 50_000])
    parser.add_argument("--films", type=int, nargs="+", default=[20, 200, 1000])
    parser.add_argument("--steps", type=int, default=40, help="that are timed")
    parser.add_argument("--canvas", type=int, default=64, help="pixels of a frame of scenes")
    parser.add_argument("--folder", type=Path, help="for the clips; else a temporary one")
    arguments = parser.parse_args()
    source = arguments.source
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        few, grammar = made(source, Path(scratch), arguments.canvas)
        print(f"{source}, {os.cpu_count()} cores, {torch.get_num_threads()} threads")
        print("   clips   megabytes   ms a step   waiting")
        for number in arguments.clips:
            clips = many(few, number, "train", Path(scratch) / "train")
            captions = NumpyDataset(filepath=f"{scratch}/captions.npy")
            captions.save(encode_captions(clips, grammar.description()))
            megabytes, step, waiting = alone(
                training, source, grammar, Path(scratch) / "train", arguments.steps
            )
            print(f"{number:8,d}{megabytes:12.0f}{step:12.1f}{waiting:10.1%}", flush=True)
        if SOURCES[source].judge_task:
            return  # its judge has to be trained first
        print("\ntest clips   megabytes drawing   scoring   ms a film")
        for number in arguments.films:
            many(few, number, "test", Path(scratch) / "test")
            drawing, scored, film = alone(scoring, source, grammar, Path(scratch) / "test")
            print(f"{number:10,d}{drawing:20.0f}{scored:10.0f}{film:12.1f}", flush=True)


if __name__ == "__main__":
    main()
