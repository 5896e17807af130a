import importlib.metadata

import krippendorff
import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from samples import case

K = f"krippendorff {importlib.metadata.version('krippendorff')}"
V = f"scikit-learn {sklearn.__version__}"
S = f"scipy {scipy.__version__}"

# Krippendorff (2011), the worked example with missing labels: rows are annotators.
PAPER = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def ratings():
    yield PAPER
    rng = np.random.default_rng(41)
    yield rng.integers(0, 3, (2, 30)).tolist()
    sparse = rng.integers(1, 8, (5, 40)).astype(object)
    sparse[rng.random((5, 40)) < 0.4] = None
    yield sparse.tolist()


def cases():
    for table in ratings():
        data = np.array([[np.nan if v is None else float(v) for v in row] for row in table])
        units, values = [], []
        for row in table:
            for unit, value in enumerate(row):
                if value is not None:
                    units.append(unit)
                    values.append(int(value))
        for level in ("nominal", "ordinal", "interval", "ratio"):
            value = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
            yield case("krippendorffAlpha", [units, values, level], float(value), f"alpha {level}", K, "alpha")
    rng = np.random.default_rng(42)
    for categories in (2, 4, 7):
        a = rng.integers(0, categories, 50)
        b = np.where(rng.random(50) < 0.6, a, rng.integers(0, categories, 50))
        for weights in ("none", "linear", "quadratic"):
            value = cohen_kappa_score(a, b, weights=None if weights == "none" else weights)
            yield case("cohenKappa", [a.tolist(), b.tolist(), weights], float(value), "cohen_kappa_score", V, "kappa")
    for s, f in ((9, 1), (0, 0), (500, 20)):
        low, high = stats.beta.ppf([0.025, 0.975], 1 + s, 1 + f)
        yield case("betaPosterior", [s, f], float(low), "beta.ppf", S, "lower")
        yield case("betaPosterior", [s, f], float(high), "beta.ppf", S, "upper")
    for p in ([0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]):
        args = [{"probabilities": p, "classes": 3}]
        yield case("entropyScore", args, float(stats.entropy(p)), "entropy", S, "0")
