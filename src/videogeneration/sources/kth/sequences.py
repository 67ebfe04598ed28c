"""The dataset's own list, `00sequences.txt`: the frame ranges of every video's sequences."""

import re
from dataclasses import dataclass
from pathlib import Path

from videogeneration.captions import ACTIONS

LIST_NAME = "00sequences.txt"

MOST_BYTES = 10_000_000
"""Of a list; the data set's own has 34,000."""

MOST_FRAMES, MOST_SEQUENCES = 10_000, 100
"""Of a video; those of the data set have up to 1,492 and 8."""

_VIDEO = re.compile(
    rf"(?P<name>person(?P<subject>\d{{2,3}})_(?P<action>{'|'.join(ACTIONS)})_(?P<scenario>d[1-4]))"
    r"\s+(?:(?P<missing>\*missing\*)"
    r"|frames\s+(?P<ranges>\d{1,9}\s*-\s*\d{1,9}(?:\s*,\s*\d{1,9}\s*-\s*\d{1,9})*))"
    r"\s*,?"
)
_SPLIT = re.compile(r"(?P<part>training|validation|test)\s*:(?P<persons>.*\d.*)", re.IGNORECASE)
_PART_NAMES = {"training": "train", "validation": "validation", "test": "test"}


class KthError(ValueError):
    """Something about a KTH folder or its parameters that the user has to put right."""


@dataclass(frozen=True)
class ListedVideo:
    """One video of the list.

    Attributes:
        name: `personNN_<action>_dM`.
        subject: 1 to 25; higher where people were rendered.
        action: One of the six actions.
        scenario: `d1` to `d4`.
        ranges: First and last frame of every sequence, counted from 1, both included. They may
            overlap and need not be in order: they are not in the real list either.
    """

    name: str
    subject: int
    action: str
    scenario: str
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SequenceList:
    """The whole list.

    Attributes:
        path: The file it was read from.
        videos: Every video with sequences, by name, in the file's order.
        authors_split: The authors' part (`train`, `validation`, `test`) of every subject, from the
            file's header; empty where it has none.
    """

    path: Path
    videos: dict[str, ListedVideo]
    authors_split: dict[int, str]


def read_sequence_list(path: Path) -> SequenceList:
    """Read `00sequences.txt` wholly.

    Text before the first video is the header, of which only the authors' split is kept.

    Raises:
        KthError: There is no such file, or a line of it cannot be read; names file and line.
    """
    if not path.is_file():
        raise KthError(
            f"{path}: not found; put the dataset's list {LIST_NAME} into the folder that holds "
            "the videos"
        )
    videos: dict[str, ListedVideo] = {}
    missing: list[str] = []
    authors_split: dict[int, str] = {}
    with path.open("rb") as file:
        text = file.read(MOST_BYTES + 1).decode("utf-8", "replace")
    if len(text) > MOST_BYTES:
        raise KthError(
            f"{path}: more than {MOST_BYTES:,} bytes; is this the dataset's {LIST_NAME}?"
        )
    for number, line in enumerate(text.splitlines(), start=1):
        line, where = line.strip(), f"{path}, line {number}"
        if match := _VIDEO.fullmatch(line):
            if match["name"] in videos or match["name"] in missing:
                raise KthError(f"{where}: {match['name']} is listed twice; remove one of the lines")
            if match["missing"]:
                missing.append(match["name"])
            else:
                videos[match["name"]] = _video(match, where)
        elif videos or missing or re.match(r"person\d+_", line):
            if line:
                raise KthError(
                    f"{where}: cannot read {line[:80]!r}; a line looks like "
                    "'person01_walking_d1 frames 1-75, 152-225' or 'person01_walking_d1 *missing*'"
                )
        elif match := _SPLIT.fullmatch(line):
            part = _PART_NAMES[match["part"].lower()]
            for person in map(int, re.findall(r"\d{1,9}", match["persons"])):
                if authors_split.setdefault(person, part) != part:
                    raise KthError(f"{where}: person {person} is already in another part")
    if not videos:
        raise KthError(f"{path}: lists no video; is this the dataset's {LIST_NAME}?")
    return SequenceList(path, videos, authors_split)


def _video(match: re.Match[str], where: str) -> ListedVideo:
    numbers = [int(number) for number in re.findall(r"\d+", match["ranges"])]
    ranges = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if len(ranges) > MOST_SEQUENCES:
        raise KthError(f"{where}: {len(ranges)} sequences of one video; at most {MOST_SEQUENCES}")
    for first, last in ranges:
        if not 1 <= first <= last <= MOST_FRAMES:
            raise KthError(
                f"{where}: frames {first}-{last} is no range; frames count from 1 to {MOST_FRAMES}"
            )
    return ListedVideo(
        match["name"], int(match["subject"]), match["action"], match["scenario"], ranges
    )
