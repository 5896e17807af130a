import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel

from samples import case

V = f"scikit-learn {sklearn.__version__}"
S = f"scipy {scipy.__version__}"
MASK = 2**32 - 1


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


class Sfc32:
    """The stream of numbers of libs/kernel/src/random.ts, so that both sides draw the same rows."""

    def __init__(self, seed):
        self.s = seed & MASK
        self.a, self.b, self.c = (self.splitmix() for _ in range(3))
        self.counter = 1
        for _ in range(12):
            self.next()

    def splitmix(self):
        self.s = (self.s + 0x9E3779B9) & MASK
        t = ((self.s ^ (self.s >> 16)) * 0x21F0AAAD) & MASK
        t = ((t ^ (t >> 15)) * 0x735A2D97) & MASK
        return t ^ (t >> 15)

    def next(self):
        t = (self.a + self.b + self.counter) & MASK
        self.counter += 1
        self.a = self.b ^ (self.b >> 9)
        self.b = (self.c + (self.c << 3)) & MASK
        self.c = (((self.c << 21) | (self.c >> 11)) + t) & MASK
        return t

    def below(self, bound):
        return self.next() * bound // 2**32


def drawn(rows, most, seed):
    if len(rows) <= most:
        return rows
    random, order = Sfc32(seed), list(range(len(rows)))
    for i in range(most):
        j = i + random.below(len(rows) - i)
        order[i], order[j] = order[j], order[i]
    return rows[order[:most]]


def halves(rows, seed):
    shuffled = drawn(rows, len(rows) - 1, seed + 7)
    half = len(shuffled) // 2
    return shuffled[:half].astype(np.float32), shuffled[half:].astype(np.float32)


def logistic_scores(before, now, test):
    train = np.vstack([before, now]).astype(float)
    mean, spread = train.mean(axis=0), train.std(axis=0)
    scaled = lambda rows: (rows - mean) / np.where(spread > 0, spread, 1)
    target = np.repeat([0, 1], [len(before), len(now)])
    model = LogisticRegression(C=0.1, tol=1e-10, max_iter=1000).fit(scaled(train), target)
    return np.round(model.decision_function(scaled(test.astype(float))), 9)


def classifier_cases():
    rng = np.random.default_rng(43)
    draw = lambda mean, rows, columns, digits: np.round(rng.normal(mean, 1, (rows, columns)), digits)
    logistic = [
        (draw(0, 60, 2, 3), draw(0.8, 50, 2, 3)),
        (draw(0, 55, 2, 0), draw(0.5, 61, 2, 0)),
        (draw(0, 50, 3, 2) * [1e6, 1, 1e-6], draw(0, 50, 3, 2) * [1e6, 1, 1e-6] + [8e5, 0, 0]),
        (np.column_stack([draw(0, 44, 1, 2), np.ones(44)]), np.column_stack([draw(-3, 48, 1, 2), np.ones(48)])),
    ]
    for a, b in logistic:
        (train_a, test_a), (train_b, test_b) = halves(a, 5), halves(b, 6)
        scores = [logistic_scores(train_a, train_b, test) for test in (test_a, test_b)]
        args = [matrix(a), matrix(b), {"seed": 5, "model": "logistic"}]
        yield from judged(args, *scores, "LogisticRegression(C=0.1) on the same half")
    # Samples that trees part without a doubt, and columns that part nothing, give the same scores whatever the half.
    for a, b, apart in (
        (np.zeros((60, 1)), np.ones((50, 1)), True),
        (draw(0, 60, 2, 3) * [1, 0], draw(0, 45, 2, 3) * [1, 0] + [0, 1e9], True),
        (np.full((48, 2), 7.0), np.full((52, 2), 7.0), False),
    ):
        sizes = [len(halves(rows, 0)[1]) for rows in (a, b)]
        scores = np.zeros(sizes[0]), np.full(sizes[1], float(apart))
        yield from judged([matrix(a), matrix(b), {"seed": 5}], *scores, "scores known without training")


def judged(args, before, now, call):
    test = stats.mannwhitneyu(now, before, alternative="greater", method="asymptotic")
    # Without any difference of ranks there is no variance to divide by.
    p = 0.5 if len(np.unique(np.concatenate([before, now]))) == 1 else float(test.pvalue)
    labels = np.repeat([0, 1], [len(before), len(now)])
    auc = float(roc_auc_score(labels, np.concatenate([before, now])))
    for path, value, how in (("auc", auc, "roc_auc_score"), ("pValue", p, "mannwhitneyu greater"), ("referenceRows", len(before), "half of the rows")):
        yield case("domainClassifier", args, value, f"{call}, {how}", f"{V}, {S}", path)


def cases():
    yield from classifier_cases()
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
        yield case("mmdTest", [matrix(a), matrix(b), options], value, "rbf_kernel, unbiased", V, "mmdSquared")
        both = np.vstack([a, b])
        spread = both.std(axis=0)
        scaled = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1)
        apart = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(axis=2))
        width = float(np.sqrt(np.median(apart[np.tril_indices(len(both), -1)] ** 2)))
        options = {"seed": 1, "permutations": 19}
        yield case("mmdTest", [matrix(a), matrix(b), options], width, "median distance, scaled", V, "bandwidth")
        value = unbiased(scaled[: len(a)], scaled[len(a) :], width)
        yield case("mmdTest", [matrix(a), matrix(b), options], value, "rbf_kernel, scaled", V, "mmdSquared")
    texts = ["The flight was late, very LATE indeed", "", "a b", "Verspätung über Köln, 12 min", "late late late"]
    for columns in (4, 7, 64):
        rows = HashingVectorizer(n_features=columns).transform(texts).toarray().ravel()
        for i in np.flatnonzero(rows)[:12].tolist() + [columns]:
            yield case("hashedText", [texts, {"columns": columns}], float(rows[i]), "HashingVectorizer", V, f"values.{i}")
