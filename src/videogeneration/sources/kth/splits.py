"""Which subject is for training, validation or testing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from videogeneration.sources.kth.sequences import KthError
from videogeneration.validated import check_name

ASSIGNMENTS = ("authors", "prediction")
"""Named assignments: the authors' 8/8/9 from the list's header, and the one of the video
prediction literature, persons 1-16 for training and 17-25 for testing (no validation)."""

PARTS = ("train", "validation", "test")

_SUBJECTS = range(1, 26)


@dataclass(frozen=True)
class SplitAssignment:
    """The subjects' parts.

    Attributes:
        parts: `train`, `validation` or `test` for every subject, in order.
        note: Why the parts are not the ones asked for; None where they are.
    """

    parts: dict[int, str]
    note: str | None = None

    def subjects(self, part: str) -> list[int]:
        """The subjects of one part, in order."""
        return [subject for subject, name in self.parts.items() if name == part]


def assign_splits(
    subjects: Iterable[int],
    assignment: str | Mapping[str, Sequence[int]],
    test_subjects: Sequence[int] = (),
    authors_split: Mapping[int, str] | None = None,
) -> SplitAssignment:
    """Give every subject its part.

    Args:
        subjects: The subjects that there are.
        assignment: `authors`, `prediction`, or lists of subjects by part.
        test_subjects: Where given, these are for testing; another subject that the assignment
            would test is for training, the others keep their part.
        authors_split: The authors' split from the header of the dataset's list.

    Returns:
        The parts. Where the assignment leaves nobody for training or nobody for testing, every
        fourth subject (at least the last one) is for testing, the others for training, and the
        note says so.

    Raises:
        KthError: An unknown assignment, a subject that is in no part or in two, a test subject that
            there is not, or nobody left for training.
    """
    subjects = sorted(set(subjects))
    wanted = _wanted(assignment, authors_split or {})
    if test_subjects:
        if absent := sorted(set(test_subjects) - set(subjects)):
            raise KthError(
                f"test_subjects: no video of {_persons(absent)}; there are {_persons(subjects)}"
            )
        wanted = {s: "train" if part == "test" else part for s, part in wanted.items()}
        wanted |= dict.fromkeys(test_subjects, "test")
    if unassigned := [subject for subject in subjects if subject not in wanted]:
        raise KthError(
            f"split: {_persons(unassigned)} in no part; add them to train, validation or test"
        )
    parts = {subject: wanted[subject] for subject in subjects}
    empty = [part for part in ("train", "test") if part not in parts.values()]
    if not empty:
        return SplitAssignment(parts)
    if test_subjects or len(subjects) < 2:
        raise KthError(
            f"split: with {_persons(subjects)} found nobody is left for {' and '.join(empty)}; "
            "add videos of other subjects or name fewer test_subjects"
        )
    testing = subjects[3::4] or subjects[-1:]
    name = f"'{assignment}'" if isinstance(assignment, str) else "given in lists"
    note = (
        f"the split {name} leaves nobody for {' and '.join(empty)} among the subjects found, so "
        f"every fourth of them is for testing ({_persons(testing)}) and the others for training"
    )
    return SplitAssignment({s: "test" if s in testing else "train" for s in subjects}, note)


def _wanted(
    assignment: str | Mapping[str, Sequence[int]], authors_split: Mapping[int, str]
) -> dict[int, str]:
    """Every subject's part as the assignment has it."""
    if isinstance(assignment, Mapping):
        wanted: dict[int, str] = {}
        for part, listed in assignment.items():
            for subject in listed:
                if subject in wanted:
                    raise KthError(f"split: person {subject} is in {wanted[subject]} and in {part}")
                wanted[subject] = part
        return wanted
    if assignment == "prediction":
        return {subject: "train" if subject <= 16 else "test" for subject in _SUBJECTS}
    check_name(assignment, ASSIGNMENTS, "split:")
    if not authors_split:
        raise KthError(
            "split: 'authors' needs the lines 'Training:', 'Validation:' and 'Test:' in the header "
            "of the sequence list; use 'prediction' or lists of subjects instead"
        )
    return dict(authors_split)


def check_lists(assignment: Mapping[str, Sequence[int]]) -> None:
    """Raise ValueError where lists of subjects by part are not that."""
    for part, listed in assignment.items():
        check_name(part, PARTS, "split: part")
        for subject in listed:
            if subject not in _SUBJECTS:
                raise ValueError(f"split.{part}: {subject!r} is no subject, 1 to {_SUBJECTS[-1]}")


def _persons(subjects: Sequence[int]) -> str:
    return "person " + ", ".join(f"{subject:02d}" for subject in subjects)
