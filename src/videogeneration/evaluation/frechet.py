"""The Fréchet distance of two sets of features."""

import numpy as np


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance of two sets of features `[N, C]`, as if both were Gaussian.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
    Equilibrium", NeurIPS 2017, on other features: comparable only with the same network's.
    """
    means = ((first.mean(0) - second.mean(0)) ** 2).sum()
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    # the trace of the product's square root, from eigenvalues: they are real and not negative
    roots = np.sqrt(np.clip(np.linalg.eigvals(one @ two).real, 0, None))
    return float(means + np.trace(one) + np.trace(two) - 2 * roots.sum())
