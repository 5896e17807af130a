import numpy as np
import sklearn
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.metrics.pairwise import rbf_kernel

from samples import case

V = f"scikit-learn {sklearn.__version__}"


def matrix(rows):
    return {"values": np.asarray(rows, float).ravel().tolist(), "columns": int(np.asarray(rows).shape[1])}


def unbiased(a, b, width):
    both = np.vstack([a, b])
    kernel = rbf_kernel(both, gamma=1 / (2 * width**2))
    n = len(a)
    inside, other, across = kernel[:n, :n].copy(), kernel[n:, n:].copy(), kernel[:n, n:]
    np.fill_diagonal(inside, 0)
    np.fill_diagonal(other, 0)
    m = len(b)
    return float(inside.sum() / (n * (n - 1)) + other.sum() / (m * (m - 1)) - 2 * across.mean())


def cases():
    rng = np.random.default_rng(23)
    draw = lambda mean, rows, columns: np.round(rng.normal(mean, 1, (rows, columns)), 6)
    samples = [
        (draw(0, 20, 3), draw(0.7, 15, 3)),
        (np.round(draw(0, 12, 1)), np.round(draw(1, 14, 1))),
        (draw(0, 9, 2) * [1e6, 1e-6], draw(0, 8, 2) * [1e6, 1e-6]),
        (np.column_stack([draw(0, 8, 1), np.ones(8)]), np.column_stack([draw(2, 8, 1), np.ones(8)])),
    ]
    for a, b in samples:
        options = {"seed": 1, "permutations": 19, "bandwidth": 1.5, "scaled": False}
        value = unbiased(a, b, 1.5)
        yield case("mmdTest", [matrix(a), matrix(b), options], value, "rbf_kernel, unbiased", V, "mmdSquared", 1e-8)
        both = np.vstack([a, b])
        spread = both.std(axis=0)
        scaled = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1)
        apart = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
        width = float(np.sqrt(np.median(apart[np.tril_indices(len(both), -1)] ** 2)))
        options = {"seed": 1, "permutations": 19}
        yield case("mmdTest", [matrix(a), matrix(b), options], width, "median distance, scaled", V, "bandwidth", 1e-8)
        value = unbiased(scaled[: len(a)], scaled[len(a) :], width)
        yield case("mmdTest", [matrix(a), matrix(b), options], value, "rbf_kernel, scaled", V, "mmdSquared", 1e-7)
    texts = ["The flight was late, very LATE indeed", "", "a b", "Verspätung über Köln, 12 min", "late late late"]
    for columns in (4, 7, 64):
        rows = HashingVectorizer(n_features=columns).transform(texts).toarray().ravel()
        for i in np.flatnonzero(rows)[:12].tolist() + [columns]:
            yield case("hashedText", [texts, {"columns": columns}], float(rows[i]), "HashingVectorizer", V, f"values.{i}")
