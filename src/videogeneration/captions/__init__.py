"""Sentences: vocabularies, grammars, one-hot matrices."""

from videogeneration.captions.actions import ACTIONS, DIRECTIONS, ActionGrammar, action_caption
from videogeneration.captions.grammar import Grammar
from videogeneration.captions.scenes import MOVEMENTS, SceneGrammar
from videogeneration.captions.vocabulary import CaptionError, Vocabulary, tokenize

__all__ = [
    "ACTIONS",
    "DIRECTIONS",
    "MOVEMENTS",
    "ActionGrammar",
    "CaptionError",
    "Grammar",
    "SceneGrammar",
    "Vocabulary",
    "action_caption",
    "tokenize",
]
