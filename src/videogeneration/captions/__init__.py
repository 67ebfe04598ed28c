"""Sentences: vocabularies, grammars, one-hot matrices."""

from videogeneration.captions.actions import ACTIONS, DIRECTIONS, ActionGrammar, action_caption
from videogeneration.captions.grammar import Grammar, ListedGrammar
from videogeneration.captions.scenes import MOVEMENTS, SceneGrammar
from videogeneration.captions.vocabulary import CaptionError, Vocabulary

__all__ = [
    "ACTIONS",
    "DIRECTIONS",
    "MOVEMENTS",
    "ActionGrammar",
    "CaptionError",
    "Grammar",
    "ListedGrammar",
    "SceneGrammar",
    "Vocabulary",
    "action_caption",
]
