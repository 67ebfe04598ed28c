"""Judges: does a film do what its sentence says? Read from its frames alone.

Scenes are read by classical means, people by a network of its own. What labels recordings
(`sources.kth.tracking`, `sources.people`) and what generates films is other code.
"""

from videogeneration.evaluation.judges.judge import Judge, LearnedJudge
from videogeneration.evaluation.judges.people import PeopleJudge
from videogeneration.evaluation.judges.scenes import SceneJudge

__all__ = ["Judge", "LearnedJudge", "PeopleJudge", "SceneJudge"]
