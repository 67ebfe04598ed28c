"""The best path through a table of scores."""

import numpy as np


def best_path(scores: np.ndarray, predecessors: np.ndarray) -> tuple[float, np.ndarray]:
    """The path of greatest total score: one state at every time (Viterbi).

    A. J. Viterbi: Error bounds for convolutional codes and an asymptotically optimum decoding
    algorithm, IEEE Transactions on Information Theory 1967; here every allowed transition is as
    good as every other.

    Args:
        scores: Of every state at every time, float `[T, S]`, T at least 1.
        predecessors: States from which each state may be reached, int `[K, S]`.

    Returns:
        The total score, and the states, int `[T]`.
    """
    total, chosen = scores[0], []
    for now in scores[1:]:
        reached = total[predecessors]
        best = reached.argmax(axis=0)
        chosen.append(np.take_along_axis(predecessors, best[None], axis=0)[0])
        total = np.take_along_axis(reached, best[None], axis=0)[0] + now
    path = [int(total.argmax())]
    for before in reversed(chosen):
        path.append(int(before[path[-1]]))
    return float(total.max()), np.array(path[::-1])
