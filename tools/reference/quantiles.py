"""Quantiles with the interval of order statistics."""

import numpy as np
import scipy
from scipy import stats

from samples import case

V = f"scipy {scipy.__version__}"


def cases():
    rng = np.random.default_rng(131)
    samples = (
        np.round(rng.lognormal(0, 1, 40), 6),
        rng.integers(0, 6, 75).astype(float),
        np.round(rng.lognormal(0, 0.5, 600), 6),
        np.full(9, 2.5),
    )
    for sample in samples:
        ordered = np.sort(sample)
        for p, confidence in ((0.5, 0.95), (0.99, 0.95), (0.1, 0.8)):
            n = len(sample)
            tail = (1 - confidence) / 2
            args = [sample.tolist(), p, {"confidence": confidence}]
            value = np.quantile(sample, p, method="inverted_cdf")
            yield case("quantileInterval", args, float(value), "quantile inverted_cdf", V, "value")
            ranks = np.arange(1, n + 1)
            lower = ranks[stats.binom.cdf(ranks - 1, n, p) <= tail]
            upper = ranks[stats.binom.sf(ranks - 1, n, p) <= tail]
            if len(lower) > 0:
                yield case("quantileInterval", args, float(ordered[lower[-1] - 1]), "binom.cdf", V, "lower")
            if len(upper) > 0:
                yield case("quantileInterval", args, float(ordered[upper[0] - 1]), "binom.sf", V, "upper")
            sizes = np.arange(1, 2000)
            enough = sizes[(max(p, 1 - p) ** sizes) <= tail]
            yield case("quantileInterval", args, int(enough[0]), "largest and smallest value", V, "rowsForBounds")
