"""Judges: does a film do what its sentence says? Read from its frames, no trained network.

What labels recordings (`sources.kth.tracking`) is other code: it follows a figure's centre, a judge
of people matches its picture between frames.
"""

from videogeneration.captions import ActionGrammar, Grammar, SceneGrammar
from videogeneration.evaluation.judges.judge import Judge
from videogeneration.evaluation.judges.people import STEPS_PRESENT, KthJudge
from videogeneration.evaluation.judges.scenes import SceneJudge

__all__ = ["STEPS_PRESENT", "Judge", "KthJudge", "SceneJudge", "judge_of"]


def judge_of(grammar: Grammar) -> Judge:
    """The judge for what a grammar speaks of."""
    if isinstance(grammar, ActionGrammar):
        return KthJudge(grammar)
    if isinstance(grammar, SceneGrammar):
        return SceneJudge(grammar)
    raise TypeError(f"no judge for {type(grammar).__name__}")
