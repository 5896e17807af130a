"""Tasks of ../statistics.mjs by the Python libraries one would use, on the same numbers: `library_tasks.py FOLDER TASK`."""

import sys
from pathlib import Path

import numpy as np

from measured import measure

FOLDER = Path(sys.argv[1])
ROWS = 100_000


def read(name, dtype=np.float64):
    return np.fromfile(FOLDER / f"{name}.bin", dtype)


def delong():
    from scipy.stats import rankdata

    labels, models = read("labels", np.uint8), (read("champion"), read("challenger"))

    def run():
        parts = []
        for scores in models:
            positives, negatives = scores[labels == 1], scores[labels == 0]
            m, n = len(positives), len(negatives)
            together = rankdata(np.concatenate([positives, negatives]))
            parts.append(((together[:m] - rankdata(positives)) / n, 1 - (together[m:] - rankdata(negatives)) / m))
        difference = [b - a for a, b in zip(*parts)]
        return sum(d.var(ddof=1) / len(d) for d in difference)

    measure(run, 5)


def bootstraps():
    """20 of the 1,000 resamples, times 50."""
    from sklearn.metrics import roc_auc_score

    labels, scores, rng = read("labels", np.uint8), read("champion"), np.random.default_rng(1)
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)

    def run():
        for _ in range(20):
            drawn = np.concatenate([rng.choice(positives, len(positives)), rng.choice(negatives, len(negatives))])
            roc_auc_score(labels[drawn], scores[drawn])

    measure(run, 3, factor=50)


def pair_slices():
    """Only the sums that a search of pairs needs, vectorised: no tests, no correction."""
    codes, losses = read("codes", np.uint8).reshape(ROWS, -1).T.astype(int), read("losses")

    def run():
        for i in range(len(codes)):
            for j in range(i):
                joint = codes[i] * 8 + codes[j]
                for weights in (None, losses, losses * losses):
                    np.bincount(joint, weights, 64)

    measure(run, 3)


def agreement():
    import krippendorff

    ratings = read("ratings", np.uint8).reshape(ROWS, 5).T.astype(float)
    measure(lambda: krippendorff.alpha(ratings, level_of_measurement="nominal"), 5)


def dawid_skene():
    """`tol` below every change, so that it makes as many steps as asked."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    columns = {"task": read("units", np.uint32), "worker": read("annotators", np.uint16), "label": read("crowdLabels", np.uint8)}
    given = pd.DataFrame(columns)
    measure(lambda: DawidSkene(n_iter=30, tol=-1e9).fit(given), 2)


def label_issues():
    from cleanlab.filter import find_label_issues

    labels, probabilities = read("tenClasses", np.uint8).astype(int), read("classProbabilities").reshape(ROWS, 10)
    measure(lambda: find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1), 3)


def ks():
    from scipy.stats import ks_2samp

    reference, current = read("reference"), read("current")
    measure(lambda: ks_2samp(reference, current, method="asymp"), 3)


def detector():
    """Updates of one detector of River by the values of stream.bin."""
    from river import drift

    make = eval(sys.argv[3], {"drift": drift})
    stream = read("stream").tolist()

    def run():
        detector = make()
        for x in stream:
            detector.update(x)

    measure(run, 2, updates=len(stream))


{task.__name__: task for task in (delong, bootstraps, pair_slices, agreement, dawid_skene, label_issues, ks, detector)}[sys.argv[2]]()
