"""The same tasks as ../statistics.mjs by the Python libraries one would use; prints `task<TAB>CPU ms` lines.

Needs numpy, scipy, scikit-learn and krippendorff (tools/reference/requirements.txt).
"""

import time

import krippendorff
import numpy as np
from scipy.stats import ks_2samp, rankdata
from sklearn.metrics import roc_auc_score

ROWS = 100_000
rng = np.random.default_rng(1)
labels = (rng.random(ROWS) < 0.3).astype(int)
champion = rng.random(ROWS) + 0.3 * labels
challenger = champion + 0.3 * rng.random(ROWS)


def delong():
    parts = []
    for scores in (champion, challenger):
        positives, negatives = scores[labels == 1], scores[labels == 0]
        m, n = len(positives), len(negatives)
        together = rankdata(np.concatenate([positives, negatives]))
        v10 = (together[:m] - rankdata(positives)) / n
        v01 = 1 - (together[m:] - rankdata(negatives)) / m
        parts.append((v10, v01))
    difference = [b - a for a, b in zip(*parts)]
    return difference[0].var(ddof=1) / len(difference[0]) + difference[1].var(ddof=1) / len(difference[1])


def bootstraps(times):
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    for _ in range(times):
        drawn = np.concatenate([rng.choice(positives, len(positives)), rng.choice(negatives, len(negatives))])
        roc_auc_score(labels[drawn], champion[drawn])


def pair_slices():
    codes = [rng.integers(0, 8, ROWS) for _ in range(20)]
    loss = rng.exponential(1, ROWS)
    for i in range(20):
        for j in range(i):
            joint = codes[i] * 8 + codes[j]
            for weights in (None, loss, loss * loss):
                np.bincount(joint, weights, 64)


units = rng.integers(0, 4, (5, ROWS)).astype(float)
reference, current = rng.random(1_000_000), rng.random(1_000_000)
TASKS = [
    ("DeLong, two models, 100,000 rows", delong, 1),
    ("AUC bootstrap, 1,000 resamples, 100,000 rows", lambda: bootstraps(20), 50),
    ("Krippendorff, 100,000 units x 5", lambda: krippendorff.alpha(units, level_of_measurement="nominal"), 1),
    ("KS of sorted samples, 1 million each", lambda: ks_2samp(reference, current, method="asymp"), 1),
    ("slices of pairs, 100,000 x 20", pair_slices, 1),
]
for name, run, factor in TASKS:
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        run()
        best = min(best, (time.process_time() - start) * factor)
    print(f"{name}\t{best * 1000:.1f}")
