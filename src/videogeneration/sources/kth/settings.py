"""What a user chooses of KTH's clips."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from videogeneration.captions import ACTIONS
from videogeneration.sources.kth.splits import ASSIGNMENTS, check_lists
from videogeneration.sources.people import PeopleSettings
from videogeneration.validated import Listed, check_name, validated


@validated
class ClipSettings:
    """How sequences become clips.

    Attributes:
        size: Height and width of the clips' frames in pixels.
        frame_step: Every so many frames are kept; 5 makes 5 frames a second.
        phases: `all` makes a clip of every phase, `frame_step` clips a sequence that start one
            frame apart; `first` makes one, which starts with the sequence.
        processes: Videos read side by side; 0 means one for every core.
    """

    size: int = Field(default=128, ge=16, le=1024)
    frame_step: int = Field(default=5, ge=1, le=1000)
    phases: Literal["all", "first"] = "all"
    processes: int = Field(default=0, ge=0, le=1024)


@validated
class KthSettings:
    """Clips of people.

    Attributes:
        source: `rendered`: people drawn here; `recorded`: the recordings in `folder`.
        folder: Of the recordings; naming one is enough to use them. Without one, recorded are those
            that `kth_download` has brought.
        actions: Any of the six actions.
        split: `authors`: 8/8/9 subjects; `prediction`: 1-16 for training, 17-25 for testing; or
            lists of subjects by part (`train`, `validation`, `test`).
        test_subjects: Subjects for testing instead of the split's.
        people: What rendered people are like; they do the `actions`.
        mixed: Whether rendered people teach beside recorded ones: of these nobody knows the joints.
        motions: Sequences of rendered people's poses without pictures, of which there are more than
            of clips: motion is learned from them too. Half of them begin with another action,
            whatever `people.transitions` says of films.
        clips: How sequences become clips.
    """

    source: Literal["rendered", "recorded"] = "rendered"
    folder: str | None = None
    actions: Annotated[tuple[str, ...], Listed] = tuple(ACTIONS)
    split: str | dict[str, Annotated[tuple[int, ...], Listed]] = "prediction"
    test_subjects: Annotated[tuple[int, ...], Listed] = ()
    people: PeopleSettings = PeopleSettings()
    mixed: bool = True
    motions: int = Field(default=20000, ge=0)
    clips: ClipSettings = ClipSettings()

    @field_validator("people", mode="before")
    @classmethod
    def _has_no_actions(cls, value: Any) -> Any:
        if isinstance(value, dict) and "actions" in value:
            raise ValueError("actions: set kth.actions; rendered people do what is asked for there")
        return value

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError(f"actions: name at least one of {', '.join(ACTIONS)}")
        for action in self.actions:
            check_name(action, ACTIONS, "actions:")
        if isinstance(self.split, dict):
            check_lists(self.split)
        else:
            check_name(self.split, ASSIGNMENTS, "split:")
        object.__setattr__(self, "people", replace(self.people, actions=cast(Any, self.actions)))

    def recordings(self, raw_folder: Path) -> Path:
        """Where real recordings lie: in `folder`, or where they are downloaded to."""
        return Path(self.folder).expanduser() if self.folder else raw_folder / "recorded"
