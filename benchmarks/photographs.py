"""What people do in films made of photographs of recorded people, as the judge reads them.

    python benchmarks/photographs.py PATH/TO/KTH --judge data/06_models/kth/judge

Of every recorded video the photograph is a frame of its first sequence that shows a whole person;
every sentence is asked of it. The judge is one that a run of `kth_mse` trained; it marks the
recordings too. `--model` names another network than the one that comes along.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from videogeneration.captions import DIRECTIONS, ActionGrammar
from videogeneration.data.clips import Clips, write_clips
from videogeneration.evaluation.judges.people import PeopleJudge
from videogeneration.models.action_judge import ActionJudge
from videogeneration.models.interface import FilmModel
from videogeneration.networks import packaged
from videogeneration.sources.kth.extraction import extract_clips
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.training.checkpoints import Checkpoint

ACTIONS = "walking+jogging+running+boxing+handclapping+handwaving"
FRAMES = 10


def photograph(model: FilmModel, clip: np.ndarray) -> np.ndarray | None:
    """The middle one of the frames that show somebody whole, `[H, W]` in [0, 1], if any does."""
    frames = clip.astype(np.float32) / 255
    sights = model.look_at(torch.from_numpy(frames))
    whole = [frame for frame, sight in zip(frames, sights, strict=True) if not sight.remark]
    return whole[len(whole) // 2] if whole else None


def films(model: FilmModel, pictures: np.ndarray, caption: np.ndarray) -> np.ndarray:
    """Films of pictures `[N, H, W]`, each after its picture, float32 `[N, 1 + FRAMES, H, W]`."""
    given = torch.from_numpy(pictures)
    history = torch.zeros(len(given), 10, *given.shape[1:])
    history[:, -1] = given
    valid = torch.zeros(len(given), 10, dtype=torch.bool)
    valid[:, -1] = True
    said = torch.from_numpy(caption.astype(np.float32)).expand(len(given), -1, -1)
    made = model.generate(history, valid, said, FRAMES, 0)
    return torch.cat([given[:, None], made], 1).numpy()


def first_sequences(clips: Clips) -> list[tuple[str, np.ndarray]]:
    """Of every video the caption and the frames of its first sequence."""
    first = ~clips.table.duplicated(["subject", "action", "scenario"])
    return [(clips.table["caption"].iloc[i], clips[i]) for i in np.flatnonzero(first)]


def main() -> None:
    """Print how many films do what they were told, by sentence."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a KTH folder with extracted videos")
    parser.add_argument("--judge", type=Path, required=True, help="folder of a trained judge")
    parser.add_argument("--model", type=Path, default=packaged("kth").folder)
    arguments = parser.parse_args()
    trained = Checkpoint(arguments.model)
    model, grammar = trained.film_model(), trained.grammar()
    network = Checkpoint(arguments.judge).load()
    assert isinstance(grammar, ActionGrammar) and isinstance(network, ActionJudge)
    judge = PeopleJudge(grammar, network)
    with tempfile.TemporaryDirectory() as scratch:
        stream = extract_clips(arguments.folder, KthSettings(actions=ACTIONS))
        shown = first_sequences(write_clips(Path(scratch) / "clips", stream))
    right = [judge.followed(clip / np.float32(255), caption) for caption, clip in shown]
    print(f"true sequences read right: {sum(right)} of {len(right)}")
    pictures = [photograph(model, clip) for _, clip in shown]
    given = np.stack([picture for picture in pictures if picture is not None])
    told, forwards = [], []
    for sentence in grammar.sentences():
        made = films(model, given, grammar.vocabulary.encode(sentence))
        read = [reading.sentence for reading in judge.read_all(made)]
        followed = [judge.followed(film, sentence) for film in made]
        told += followed
        if sentence.endswith(DIRECTIONS):
            forwards += [word.endswith(sentence.split()[-1]) for word in read]
        others = Counter(read).most_common(3)
        print(f"{sentence:38s} {sum(followed):3d} of {len(given)}   read: {others}")
    print(f"as told: {np.mean(told):.1%} of {len(told)}")
    print(f"to the side told and forwards: {np.mean(forwards):.1%} of {len(forwards)}")


if __name__ == "__main__":
    main()
