"""Small fixed samples: plain, tied, constant, extreme. Values are rounded so that JSON carries them exactly."""

import numpy as np


def case(function, args, value, call, version, path=None, tolerance=1e-9):
    """One comparison: `path` picks a field of the result; `tolerance` is relative."""
    return {
        "function": function,
        "args": args,
        "path": path,
        "value": value,
        "tolerance": tolerance,
        "call": call,
        "version": version,
    }


def scored(seed, rows, digits, lift):
    """Labels, and scores that are higher for label 1; few digits make ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.4).astype(int)
    labels[:4] = [0, 1, 0, 1]
    scores = np.round(1 / (1 + np.exp(-(rng.normal(0, 1, rows) + lift * (labels - 0.4)))), digits)
    return labels.tolist(), scores.tolist()


def binary_samples():
    yield scored(1, 40, 12, 1.0)
    yield scored(2, 200, 1, 1.0)
    yield scored(3, 60, 2, -0.5)
    yield [0, 1, 0, 1, 1], [0.5, 0.5, 0.5, 0.5, 0.5]
    yield [0, 0, 0, 1], [1e-12, 0.2, 0.3, 1 - 1e-12]


def pairs_of_samples():
    rng = np.random.default_rng(7)
    yield np.round(rng.normal(0, 1, 30), 6).tolist(), np.round(rng.normal(0.5, 1, 25), 6).tolist()
    yield rng.integers(0, 5, 40).astype(float).tolist(), rng.integers(1, 6, 35).astype(float).tolist()
    yield [1.0, 1.0, 1.0], [1.0, 1.0]
    yield [0.0, 1e9, -1e9, 3.5], [1e-9, 2.0, 2.0, 5.0, 1e12]


def pairs_of_counts():
    yield [120, 80, 60, 40], [100, 90, 70, 55]
    yield [1000, 5, 0, 20], [10, 500, 3, 20]
    yield [50, 50], [50, 50]
    yield [10, 20, 30], [1000, 2000, 3000]
