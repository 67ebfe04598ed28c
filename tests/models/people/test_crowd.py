"""Several people in a picture."""

import torch

from videogeneration.models.people.crowd import largest, others, touches_edge, without


def crowd() -> torch.Tensor:
    """A large block, one half as large, and a speck; and an empty frame."""
    silhouette = torch.zeros(2, 32, 48, dtype=torch.bool)
    silhouette[0, 8:28, 4:12] = True
    silhouette[0, 8:24, 24:30] = True
    silhouette[0, 2:4, 40:42] = True
    return silhouette


def test_the_largest_is_found_and_specks_are_nobody() -> None:
    chosen, people = largest(crowd())
    assert people.tolist() == [2, 0]
    assert chosen[0, 8:28, 4:12].all()
    assert int(chosen.sum()) == 20 * 8


def test_a_bent_figure_is_one() -> None:
    bent = torch.zeros(1, 32, 48, dtype=torch.bool)
    bent[0, 4:28, 4:8] = bent[0, 24:28, 4:40] = bent[0, 4:28, 36:40] = True
    chosen, people = largest(bent)
    assert people.tolist() == [1]
    assert torch.equal(chosen, bent)


def test_others_are_filled_in_with_what_is_around_them() -> None:
    silhouette = crowd()
    frames = torch.where(silhouette, 1.0, 0.25)
    alone = without(frames, others(silhouette, largest(silhouette)[0]))
    assert torch.allclose(alone[0, :, 20:], torch.tensor(0.25), atol=1e-3)
    assert torch.equal(alone[0, 8:28, 4:12], frames[0, 8:28, 4:12])
    assert torch.equal(alone[1], frames[1])


def test_who_reaches_the_picture_s_edge_is_cut_off() -> None:
    silhouette = crowd()
    everything = (slice(None), slice(None))
    assert touches_edge(silhouette, everything).tolist() == [False, False]
    # what is below is around the picture
    assert touches_edge(silhouette, (slice(0, 20), slice(None))).tolist() == [True, False]
    assert touches_edge(silhouette, (slice(None), slice(6, 48))).tolist() == [True, False]
