"""Estimators without a counterpart in a library: their published definitions, computed here in another way."""

import itertools
import math

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from samples import case, scored

V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"
K = f"scikit-learn {sklearn.__version__}"


def expected_performance():
    """Confidence-based estimation (NannyML's CBPE): the mean of a metric over all labellings the probabilities allow."""
    for p, threshold in (([0.9, 0.8, 0.3, 0.1], 0.5), ([0.2, 0.5, 0.5, 0.95, 0.6], 0.5), ([0.15, 0.85, 0.4, 0.7, 0.55, 0.3], 0.6)):
        args = [p, {"threshold": threshold}]
        labellings = [np.array(y) for y in itertools.product((0, 1), repeat=len(p))]
        chances = np.array([np.prod(np.where(y == 1, p, 1 - np.array(p))) for y in labellings])
        for name, metric in (
            ("accuracyScore", lambda y: sk.accuracy_score(y, np.array(p) >= threshold)),
            ("logLoss", lambda y: sk.log_loss(y, p, labels=[0, 1])),
            ("brierScoreLoss", lambda y: np.mean((p - y) ** 2)),
        ):
            values = np.array([metric(y) for y in labellings])
            mean = float(chances @ values)
            deviation = float(np.sqrt(chances @ (values - mean) ** 2))
            yield case("estimatePerformance", args, mean, "mean over all labellings", K, f"{name}.value")
            yield case("estimatePerformance", args, deviation, "deviation over all labellings", K, f"{name}.standardError")
        # Every row counts as p of a positive and 1 - p of a negative.
        labels, scores = [1] * len(p) + [0] * len(p), p + p
        weights = p + [1 - x for x in p]
        auc = float(sk.roc_auc_score(labels, scores, sample_weight=weights))
        up, down = sum(p), len(p) - sum(p)
        yield case("estimatePerformance", args, auc, "roc_auc_score, both labels weighted", K, "rocAuc.value")
        q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        error = math.sqrt((auc * (1 - auc) + (up - 1) * (q1 - auc**2) + (down - 1) * (q2 - auc**2)) / (up * down))
        yield case("estimatePerformance", args, error, "Hanley & McNeil (1982)", N, "rocAuc.standardError")


def multiple_e_values():
    for e, alpha in (([100, 25, 2], 0.1), ([19, 21, 45, 1, 70], 0.05), ([3, 200, 0.1, 39, 41, 80], 0.05), ([1e300, 10], 0.2)):
        k = len(e)
        ordered = sorted(e, reverse=True)
        # Wang & Ramdas (2022): reject the i largest for the largest i whose i-th e-value is k / (i alpha) or more.
        most = max((i for i in range(1, k + 1) if i * ordered[i - 1] / k >= 1 / alpha), default=0)
        cut = ordered[most - 1] if most else math.inf
        for i, value in enumerate(e):
            args = [[math.log(x) for x in e], alpha]
            yield case("eBenjaminiHochberg", args, int(value >= cut), "e-BH by definition", N, str(i))


def promotion():
    for difference, lower, upper, better, margin, rows, confidence in (
        (0.001, -0.002, 0.004, "higher", 0.005, 5000, 0.95),
        (0.01, -0.03, 0.05, "lower", 0.02, 800, 0.9),
        (-0.2, -0.5, 0.1, "higher", 0.1, 77, 0.99),
    ):
        sign = 1 if better == "higher" else -1
        z = stats.norm.ppf((1 + confidence) / 2)
        error = (upper - lower) / 2 / z
        # Rows at which a one-sided test of the margin has power 0.8 when both are equal.
        needed = math.ceil(rows * (error * (z + stats.norm.ppf(0.8)) / margin) ** 2)
        evidence = {"difference": difference, "lower": lower, "upper": upper, "better": better, "margin": margin}
        args = [{**evidence, "rows": rows, "minRows": 10, "confidence": confidence}]
        yield case("nonInferiority", args, sign * difference, "definition", N, "gain")
        yield case("nonInferiority", args, min(sign * lower, sign * upper), "definition", N, "gainLower")
        yield case("nonInferiority", args, needed, "norm.ppf", V, "requiredRows")
        for power, gain in ((0.8, 0), (0.95, margin / 2), (0.6, -margin / 3)):
            plan = {"halfWidth": (upper - lower) / 2, "rows": rows, "margin": margin, "trueGain": gain}
            wanted = rows * (error * (z + stats.norm.ppf(power)) / (margin + gain)) ** 2
            yield case("requiredRows", [{**plan, "confidence": confidence, "power": power}], math.ceil(wanted), "norm.ppf", V)


def curves():
    for seed, rows, bins in ((5, 60, 6), (6, 200, 10), (7, 45, 5)):
        labels, p = scored(seed, rows, 12, 1.0)
        order = np.argsort(p, kind="stable")
        args = [labels, p, {"bins": bins}]
        for i, part in enumerate(np.array_split(order, bins)):
            y, f = np.array(labels)[part], np.array(p)[part]
            low, high = proportion_confint(y.sum(), len(y), method="wilson")
            for path, value in (("rows", len(y)), ("observed", y.mean()), ("meanPredicted", f.mean()), ("interval.lower", low), ("interval.upper", high)):
                yield case("reliabilityCurve", args, float(value), "array_split, wilson", V, f"{i}.{path}")
        for row in (0, rows // 2, rows - 1):
            yield case("brierLossPerRow", [labels, p], (p[row] - labels[row]) ** 2, "definition", N, str(row))
            loss = -math.log(p[row] if labels[row] else 1 - p[row])
            yield case("logLossPerRow", [labels, p], loss, "definition", N, str(row))


def resampled_areas():
    """Rows are redrawn within each class, which is scipy's bootstrap of two samples."""
    area = lambda pos, neg, axis=-1: stats.rankdata(np.concatenate([pos, neg], axis=axis), axis=axis)[..., : pos.shape[axis]].sum(axis=axis)
    for seed, rows in ((11, 80), (12, 120), (13, 60)):
        labels, scores = scored(seed, rows, 12, 1.0)
        pos, neg = (np.array(scores)[np.array(labels) == label] for label in (1, 0))
        n, m = len(pos), len(neg)
        auc = lambda a, b, axis=-1: (area(a, b, axis) - n * (n + 1) / 2) / (n * m)
        args = [labels, scores, {"seed": 1, "replicates": 10_000}]
        for kind in ("BCa", "percentile"):
            found = stats.bootstrap((pos, neg), auc, n_resamples=20_000, method=kind, vectorized=True, rng=seed)
            for side in ("low", "high"):
                path = f"{kind.lower()}.{'lower' if side == 'low' else 'upper'}"
                value = float(getattr(found.confidence_interval, side))
                yield case("bootstrapAuc", args, value, f"bootstrap {kind}", V, path, 0.01)
        yield case("bootstrapAuc", args, float(sk.roc_auc_score(labels, scores)), "roc_auc_score", K, "estimate")
        other = scored(seed, rows, 2, 1.0)[1]
        args = [labels, scores, other, {"seed": 1, "replicates": 500}]
        gap = sk.roc_auc_score(labels, other) - sk.roc_auc_score(labels, scores)
        yield case("bootstrapAucDifference", args, float(gap), "roc_auc_score", K, "estimate")


def small_ones():
    for psis, weights in (([0.3, 0.1], [1, 3]), ([0, 0.2, 0.9], [0, 5, 5]), ([0.01], [7])):
        yield case("importanceWeightedDrift", [psis, weights], float(np.average(psis, weights=weights)), "average", N, "value")
    for p in ([[0.2, 0.8], [0.5, 0.5]], [[0.2, 0.3, 0.5], [1, 0, 0], [0.4, 0.4, 0.2]]):
        args = [{"probabilities": sum(p, []), "classes": len(p[0])}]
        for row, shares in enumerate(p):
            high, second = sorted(shares, reverse=True)[:2]
            yield case("leastConfidenceScore", args, 1 - high, "sorted", N, str(row))
            yield case("marginUncertaintyScore", args, 1 - (high - second), "sorted", N, str(row))
    rng = np.random.default_rng(3)
    for quantiles in (np.sort(np.round(rng.normal(0, 1, 9), 3)), np.array([0, 0, 1, 1, 2.5, 2.5]), np.array([1.0, 4.0])):
        edges = np.unique(quantiles[quantiles < quantiles[-1]])
        for i, edge in enumerate(edges):
            yield case("edgesFromQuantiles", [quantiles.tolist(), float(quantiles[-1])], float(edge), "unique", N, str(i))
    for a, b in ((["a", "b", "a"], ["b", "c"]), (["x"] * 5, ["y", "x", "z", "z"])):
        names = sorted(set(a)) + sorted(set(b) - set(a))
        for i, name in enumerate(names):
            yield case("categoryCounts", [a, b], a.count(name), "count", "python", f"reference.{i}")
            yield case("categoryCounts", [a, b], b.count(name), "count", "python", f"current.{i}")


def picks_and_parts():
    rng = np.random.default_rng(17)
    for size, dimensions, count, labelled in ((12, 1, 4, [0]), (20, 2, 5, [3, 7]), (30, 3, 6, [])):
        points = np.round(rng.normal(0, 1, (size, dimensions)), 4)
        picked = []
        if not labelled:
            picked.append(int(np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1))))
        while len(picked) < count:
            away = np.linalg.norm(points[:, None] - points[[*labelled, *picked]][None], axis=2).min(axis=1)
            picked.append(int(np.argmax(away)))
        args = [{"points": points.ravel().tolist(), "dimensions": dimensions}, count, {"labelled": labelled}]
        for i, row in enumerate(picked):
            yield case("kCenterGreedy", args, row, "argmax of linalg.norm", N, str(i))
    for seed, jump in ((1, 3), (2, -2), (3, 6)):
        errors = np.random.default_rng(seed).normal(0, 1, 60)
        errors[35:] += jump
        errors = np.round(errors, 4)
        scaled = (errors - np.median(errors)) / (1.4826 * stats.median_abs_deviation(errors))
        above, below, last = 0.0, 0.0, None
        for i, z in enumerate(scaled):
            above, below = max(0, above + z - 0.5), max(0, below - z - 0.5)
            if max(above, below) > 5:
                above, below, last = 0.0, 0.0, i
        args = [errors.tolist(), {"threshold": 5}]
        yield case("lastChangePoint", args, last, "two-sided CUSUM of scaled errors", V, "at")
    column = np.round(rng.normal(0, 2, 25), 3)
    for edges in ([-1, 0, 1.5], [0.25], [-3, 3]):
        codes = np.searchsorted(edges, column, side="left")
        for row in (0, 7, 19):
            yield case("sliceFeatureAt", ["x", column.tolist(), {"edges": edges}], int(codes[row]), "searchsorted left", N, f"codes.{row}")
    for values in ([3, 1, 2, 1], [5, 5, -1], [0.5, 2, 1, 2, 0.5]):
        codes = np.unique(values, return_inverse=True)[1]
        for row, code in enumerate(codes):
            yield case("sliceFeature", ["x", values], int(code), "unique", N, f"codes.{row}")


def reports():
    for seed in (21, 22, 23):
        labels, p = scored(seed, 90, 12, 1.0)
        y, f = np.array(labels), np.array(p)
        losses = {0: -np.log(np.where(y == 1, f, 1 - f)), 1: (f - y) ** 2}
        for place, loss in losses.items():
            low, high = stats.ttest_1samp(loss, 0).confidence_interval(0.95)
            for key, value in (("value", loss.mean()), ("lower", low), ("upper", high)):
                yield case("classificationEstimates", [labels, p], float(value), "ttest_1samp", V, f"{place}.{key}")
        yield case("classificationEstimates", [labels, p], float(sk.roc_auc_score(y, f)), "roc_auc_score", K, "2.value")


def cases():
    yield from expected_performance()
    yield from multiple_e_values()
    yield from promotion()
    yield from curves()
    yield from resampled_areas()
    yield from small_ones()
    yield from picks_and_parts()
    yield from reports()
