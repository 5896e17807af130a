"""Reference values of src/reference.spec.ts, from scikit-learn.

    python3 -m venv DIR && DIR/bin/pip install scikit-learn==1.9.1 numpy==2.4.1
    OMP_NUM_THREADS=1 DIR/bin/python make-reference.py

Both sides make the same rows from the same integer generator, so no data file has to be kept.
"""

import json
import math

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

FEATURES = 5


def rows(count: int, seed: int):
    state = seed

    def uniform() -> float:
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state / 2**32

    values, labels = [], []
    for _ in range(count):
        x = [uniform() for _ in range(FEATURES)]
        gap = uniform() < 0.15
        odds = 3 * x[0] - 2 + (2 * x[2] if x[1] > 0.5 else 0) + (1.5 if gap else 0) - 3 * x[3] * x[3]
        labels.append(1 if uniform() < 1 / (1 + math.exp(-odds)) else 0)
        x[3] = x[3] if not gap else math.nan
        values.append(x)
    return np.array(values, dtype=np.float32), np.array(labels)


train_x, train_y = rows(20_000, 1)
test_x, test_y = rows(20_000, 2)

trees = HistGradientBoostingClassifier(
    max_iter=100, learning_rate=0.1, max_leaf_nodes=31, min_samples_leaf=20, l2_regularization=0,
    max_bins=255, early_stopping=False,
).fit(train_x, train_y)
p = trees.predict_proba(test_x)[:, 1]

complete = [0, 1, 2, 4]
scaler = StandardScaler().fit(train_x[:, complete].astype(np.float64))
linear = LogisticRegression(C=0.5, tol=1e-12, max_iter=1000).fit(scaler.transform(train_x[:, complete].astype(np.float64)), train_y)

print(json.dumps({
    "positives": int(train_y.sum()),
    "treesAucScore": roc_auc_score(test_y, p),
    "treesLogLoss": log_loss(test_y, p),
    "linearWeights": linear.coef_[0].tolist(),
    "linearIntercept": float(linear.intercept_[0]),
}, indent=2))
