"""Vectors laid flat, for a picture of them."""

import numpy as np

from babelift.evaluate.alignment import Vectors


def plane(vectors: Vectors) -> Vectors:
    """The first two principal components of vectors `(n, dim)`, as `(n, 2)`.

    The sign of a component is fixed by its largest entry, so that the picture does not depend on
    the linear-algebra library.

    >>> plane(np.array([[0.0, 0, 2], [0, 0, -2], [0, 1, 0], [0, -1, 0]])).round(6).tolist()
    [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    """
    centred = vectors - vectors.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    axes = np.zeros((2, vectors.shape[1]))
    axes[: min(2, len(components))] = components[:2]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[[0, 1], largest])
    flat: Vectors = centred @ (axes * np.where(signs == 0, 1, signs)[:, None]).T
    return flat
