"""Judges: does a film do what its sentence says? Read from its frames, no trained network.

What labels recordings (`sources.kth.tracking`) is other code: it follows a figure's centre, a judge
of people matches its picture between frames.
"""

from videogeneration.evaluation.judges.judge import Judge
from videogeneration.evaluation.judges.people import STEPS_PRESENT, PeopleJudge
from videogeneration.evaluation.judges.scenes import SceneJudge

__all__ = ["STEPS_PRESENT", "Judge", "PeopleJudge", "SceneJudge"]
