"""Sentences and their one-hot matrices."""

import json

import numpy as np
import pytest

from toys import decoded
from videogeneration.captions import (
    ACTIONS,
    MOVEMENTS,
    ActionGrammar,
    CaptionError,
    Grammar,
    SceneGrammar,
    Vocabulary,
    action_caption,
)

KTH = ActionGrammar()
SCENES = SceneGrammar(("house", "car", "digit 3", "digit 7"))
TRAVELLING = ("walking", "jogging", "running")
LEFT, RIGHT = "a person is walking to the left", "a person is walking to the right"


def kth_sentences() -> list[str]:
    return [
        action_caption(action, direction)
        for action in ACTIONS
        for direction in (("left", "right") if action in TRAVELLING else (None,))
    ]


def scene_sentences() -> list[str]:
    single = [SCENES.sentence([(e, m)]) for e in SCENES.elements for m in MOVEMENTS]
    pairs = [
        SCENES.sentence([("digit 3", first), ("digit 7", second)])
        for first in MOVEMENTS
        for second in MOVEMENTS
    ]
    return single + pairs


def test_kth_says_nine_sentences() -> None:
    assert sorted(kth_sentences()) == sorted(
        [
            "a person is walking to the left",
            "a person is walking to the right",
            "a person is jogging to the left",
            "a person is jogging to the right",
            "a person is running to the left",
            "a person is running to the right",
            "a person is boxing",
            "a person is clapping hands",
            "a person is waving hands",
        ]
    )
    assert sorted(KTH.sentences()) == sorted(kth_sentences())


def test_kth_says_what_its_clips_show() -> None:
    """Nobody runs where only walkers were filmed; the words are those of all six actions."""
    walking = ActionGrammar(("walking",))
    assert walking.sentences() == [LEFT, RIGHT]
    assert walking.vocabulary == KTH.vocabulary
    assert walking.mistakes(LEFT) == [RIGHT]
    assert walking.sights == ("to the left", "to the right")
    with pytest.raises(CaptionError, match=f"'a person is running to the left'.*'{LEFT}'"):
        walking.check("a person is running to the left")


@pytest.mark.parametrize(
    ("grammar", "sentences"), [(KTH, kth_sentences()), (SCENES, scene_sentences())]
)
def test_every_sentence_survives_its_matrix(
    grammar: ActionGrammar | SceneGrammar, sentences: list[str]
) -> None:
    vocabulary = grammar.vocabulary
    matrices = [vocabulary.encode(sentence) for sentence in sentences]
    assert [decoded(vocabulary, matrix) for matrix in matrices] == sentences
    assert len({matrix.tobytes() for matrix in matrices}) == len(sentences)
    assert max(len(sentence.split()) for sentence in sentences) == vocabulary.max_words


def test_matrix_has_a_row_a_word_and_zero_rows_after_the_last() -> None:
    vocabulary = KTH.vocabulary
    matrix = vocabulary.encode("a person is boxing")
    assert matrix.dtype == np.uint8
    assert matrix.shape == vocabulary.shape == (7, 14)
    assert matrix.sum(1).tolist() == [1, 1, 1, 1, 0, 0, 0]
    assert [vocabulary.words[column] for column in matrix[:4].argmax(1)] == [
        "a",
        "person",
        "is",
        "boxing",
    ]


def test_case_and_punctuation_do_not_matter() -> None:
    plain = KTH.vocabulary.encode("a person is walking to the left")
    assert np.array_equal(KTH.vocabulary.encode("A person is walking, to the LEFT."), plain)
    assert KTH.check("A person is walking, to the LEFT.") == "a person is walking to the left"


def test_vocabulary_does_not_depend_on_the_order_of_the_sentences() -> None:
    sentences = kth_sentences()
    assert Vocabulary.of(sentences) == Vocabulary.of(reversed(sentences)) == KTH.vocabulary


def test_unknown_word_is_named_with_the_words_near_it() -> None:
    with pytest.raises(CaptionError, match=r"'walkin'; did you mean walking.*"):
        KTH.vocabulary.encode("a person is walkin to the left")
    with pytest.raises(CaptionError, match=r"'hause'; did you mean house"):
        SCENES.parse("the hause is moving up and down")


def test_unknown_word_without_a_near_one_lists_the_known_ones() -> None:
    with pytest.raises(CaptionError, match=r"'zzz'.*boxing.*walking"):
        KTH.vocabulary.encode("a person is zzz")


@pytest.mark.parametrize("sentence", ["", "...", "a person is walking to the left left"])
def test_too_few_or_too_many_words_are_refused(sentence: str) -> None:
    with pytest.raises(CaptionError, match="1 to 7"):
        KTH.vocabulary.encode(sentence)


def test_known_words_in_another_order_are_no_sentence() -> None:
    with pytest.raises(CaptionError, match="did you mean 'a person is walking to the left'"):
        KTH.check("person a is walking to the left")
    with pytest.raises(CaptionError, match="say it like 'the house is"):
        SCENES.check("house the is moving up and down")


@pytest.mark.parametrize(("action", "direction"), [("walking", None), ("boxing", "left")])
def test_a_direction_where_there_is_none_is_refused(action: str, direction: str | None) -> None:
    with pytest.raises(CaptionError, match=action):
        action_caption(action, direction)


def test_parse_reads_one_and_two_elements() -> None:
    assert SCENES.parse("the digit 3 is rotating in place clockwise") == [
        ("digit 3", "spin_clockwise")
    ]
    assert SCENES.parse("the house is rotating clockwise") == [("house", "circle_clockwise")]
    # "and" is both inside a movement and between two elements
    sentence = "the house is moving left and right and the digit 7 is moving up and down"
    assert SCENES.parse(sentence) == [("house", "left_right"), ("digit 7", "up_down")]


def test_every_scene_survives_its_sentence() -> None:
    for first in MOVEMENTS:
        for second in MOVEMENTS:
            scene = [("digit 3", first), ("car", second)]
            assert SCENES.parse(SCENES.sentence(scene)) == scene


def test_three_elements_and_an_unknown_element_are_refused() -> None:
    house = "the house is rotating clockwise"
    with pytest.raises(CaptionError):
        SCENES.parse(f"{house} and {house} and {house}")
    with pytest.raises(CaptionError, match="digit"):
        SCENES.parse("the digit is rotating clockwise")


def test_a_scene_grammar_needs_an_element() -> None:
    with pytest.raises(ValueError, match="elements"):
        SceneGrammar(())


def test_a_mirrored_sentence_swaps_the_sides_and_nothing_else() -> None:
    for action in TRAVELLING:
        left, right = action_caption(action, "left"), action_caption(action, "right")
        assert KTH.mirrored(left) == right
        assert KTH.mirrored(right) == left
    assert KTH.mirrored("a person is boxing") == "a person is boxing"


def test_no_sentence_is_known_of_a_mirrored_scene() -> None:
    assert SCENES.mirrored("the house is moving left and right") is None


def test_who_walks_jogs_or_runs_travels() -> None:
    travelling = [said for said in KTH.sentences() if KTH.travels(said)]
    assert travelling == [action_caption(a, d) for a in TRAVELLING for d in ("left", "right")]


def test_alternatives_are_other_sentences_for_the_same_frame() -> None:
    left, right = action_caption("walking", "left"), action_caption("walking", "right")
    assert ActionGrammar(("walking",)).alternatives(left) == [right]
    # whatever somebody does, anything may come next
    for own in (left, "a person is clapping hands"):
        assert {own, *KTH.alternatives(own)} == set(KTH.sentences())
        assert len(KTH.alternatives(own)) == 8
    own = "the house is rotating clockwise and the car is moving up and down"
    others = SCENES.alternatives(own)
    assert len(set(others)) == 5
    assert own not in others
    for other in others:
        (first, movement), second = SCENES.parse(other)
        assert (first, second) == ("house", ("car", "up_down"))
        assert movement != "circle_clockwise"


@pytest.mark.parametrize("grammar", [KTH, ActionGrammar(("walking",)), SCENES])
def test_a_described_grammar_comes_back(grammar: ActionGrammar | SceneGrammar) -> None:
    description = json.loads(json.dumps(grammar.description()))
    assert description["words"] == list(grammar.vocabulary.words)
    assert Grammar.from_description(description) == grammar


def test_a_grammar_with_other_words_is_refused() -> None:
    description = KTH.description()
    description["words"] = description["words"][::-1]
    with pytest.raises(CaptionError, match="train again"):
        Grammar.from_description(description)


def test_a_first_frame_shows_elements_and_not_their_movements() -> None:
    sentence = SCENES.sentence([("house", "up_down"), ("digit 3", "spin_clockwise")])
    assert SCENES.sights == SCENES.elements
    assert SCENES.seen(sentence) == ("house", "digit 3")
    mistakes = SCENES.mistakes(sentence)
    assert sorted(mistakes) == sorted(
        SCENES.sentence(scene)
        for other in ("car", "digit 7")
        for scene in (
            [(other, "up_down"), ("digit 3", "spin_clockwise")],
            [("house", "up_down"), (other, "spin_clockwise")],
        )
    )
    assert all(set(SCENES.seen(wrong)) != {"house", "digit 3"} for wrong in mistakes)


def test_a_first_frame_shows_where_somebody_goes() -> None:
    """It does not show how fast, or what somebody who stays is about to do."""
    assert KTH.sights == ("to the left", "to the right", "on the spot")
    for sentence in kth_sentences():
        alike = {other for other in kth_sentences() if KTH.seen(other) == KTH.seen(sentence)}
        assert len(alike) == 3
        assert set(KTH.mistakes(sentence)) == set(kth_sentences()) - alike
    assert KTH.seen("A person is walking to the LEFT.") == ("to the left",)
    assert KTH.seen("a person is boxing") == ("on the spot",)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (LEFT, LEFT),
        ("A person is walking to the LEFT!", LEFT),
        ("walk left", LEFT),
        ("box", "a person is boxing"),
        ("a person is wav", "a person is waving hands"),
    ],
)
def test_a_sentence_is_completed(text: str, meant: str) -> None:
    assert KTH.complete(text) == meant


def test_of_two_elements_each_is_completed() -> None:
    meant = "the house is moving up and down and the car is rotating in place clockwise"
    assert SCENES.complete("house up and the car in place clock") == meant
    # the sentence itself, though it abridges another
    assert SCENES.complete("the car is rotating clockwise") == "the car is rotating clockwise"


def test_the_stem_of_a_word_is_enough() -> None:
    for text in ("wave", "waving", "wav hand"):
        assert KTH.complete(text) == "a person is waving hands"


def test_of_several_sentences_that_may_be_meant_all_are_named() -> None:
    left, right = (f"a person is walking to the {side}" for side in ("left", "right"))
    with pytest.raises(CaptionError, match=f"'walk' may mean '{left}', '{right}'; say which"):
        KTH.complete("walk")


def test_the_nearest_sentences_are_offered_whole() -> None:
    with pytest.raises(CaptionError, match=f"nearest: '{LEFT}', 'a person is jogging to the left'"):
        KTH.complete("the man walks left")
    # a few sentences are all named
    with pytest.raises(CaptionError) as error:
        KTH.complete("dancing")
    assert all(f"'{sentence}'" in str(error.value) for sentence in KTH.sentences())
    for text in ("", "xyz"):
        with pytest.raises(CaptionError, match="nearest: 'a person is"):
            KTH.complete(text)
    with pytest.raises(CaptionError, match="nearest: 'the house is moving up and down'"):
        SCENES.complete("the hause moves up")
