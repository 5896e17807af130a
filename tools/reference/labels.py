"""Agreement of several annotators, truth inference, label issues, annotator skill."""

import importlib.metadata

import cleanlab
import krippendorff
import numpy as np
import pandas as pd
import scipy
import statsmodels
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues
from crowdkit.aggregation import DawidSkene, MajorityVote
from irrCAC.raw import CAC
from scipy import stats
from scipy.spatial.distance import jensenshannon
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

from samples import case

I = f"irrCAC {importlib.metadata.version('irrCAC')}"
C = f"crowd-kit {importlib.metadata.version('crowd-kit')}"
L = f"cleanlab {cleanlab.__version__}"
K = f"krippendorff {importlib.metadata.version('krippendorff')}"
S = f"statsmodels {statsmodels.__version__}"
V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"


def tables():
    """Units by annotators; None where an annotator did not answer."""
    rng = np.random.default_rng(51)
    yield rng.integers(0, 3, (25, 4)).tolist()
    truth = rng.integers(1, 5, 30)
    near = np.clip(truth[:, None] + rng.integers(-1, 2, (30, 5)), 1, 4).astype(object)
    near[rng.random(near.shape) < 0.3] = None
    yield near.tolist()
    # Almost everybody says 0: kappa falls, AC1 does not.
    skewed = (rng.random((40, 3)) < 0.04).astype(int)
    yield skewed.tolist()


def long_form(table):
    given = [(u, v) for u, row in enumerate(table) for v in row if v is not None]
    return [int(u) for u, _ in given], [int(v) for _, v in given]


def agreement():
    for table in tables():
        units, values = long_form(table)
        frame = pd.DataFrame(table, dtype=float)
        for weights in ("identity", "linear", "quadratic", "ordinal"):
            args = [units, values, {"weights": weights}]
            cac = CAC(frame, weights=weights, categories=sorted(set(values)), digits=12)
            for function, result in (("gwetAgreement", cac.gwet()), ("fleissKappa", cac.fleiss())):
                est = result["est"]
                for path, value in (("coefficient", est["coefficient_value"]), ("standardError", est["se"]), ("chanceAgreement", est["pe"])):
                    yield case(function, args, float(value), f"CAC {weights}", I, path)
        if all(v is not None for row in table for v in row):
            counts = np.array([[row.count(k) for k in sorted(set(values))] for row in table])
            yield case("fleissKappa", [units, values], float(fleiss_kappa(counts)), "fleiss_kappa", S, "coefficient")
        for level in ("nominal", "ordinal", "interval"):
            yield from jackknife(table, level)
    yield from unanimous()


def jackknife(table, level):
    """Every unit with two or more labels is left out in turn; fewer than 50 of them, so groups are single units."""
    paired = [row for row in table if sum(v is not None for v in row) > 1]
    data = np.array([[np.nan if v is None else float(v) for v in row] for row in paired]).T
    alpha = lambda d: krippendorff.alpha(reliability_data=d, level_of_measurement=level)
    without = np.array([alpha(np.delete(data, i, axis=1)) for i in range(data.shape[1])])
    error = np.sqrt(((without - without.mean()) ** 2).sum() * (len(without) - 1) / len(without))
    args = [*long_form(table), level]
    yield case("krippendorffInterval", args, float(alpha(data)), f"alpha {level}", K, "alpha")
    yield case("krippendorffInterval", args, float(error), f"alpha {level}, jackknife", K, "standardError")
    if level == "nominal":
        yield from disagreement_bounds(args, paired, float(alpha(data)), error)
        return
    half = stats.t.ppf(0.975, len(without) - 1) * error
    yield case("krippendorffInterval", args, float(alpha(data) - half), f"alpha {level}, jackknife", K, "lower")


def disagreement_bounds(args, paired, alpha, error):
    """Clopper and Pearson's interval of the share of disagreement, with the number of units that gives the jackknife's variance."""
    labels = [[v for v in row if v is not None] for row in paired]
    counts = np.unique(sum(labels, []), return_counts=True)[1]
    total, units = counts.sum(), len(labels)
    by_chance = 1 - (counts * (counts - 1)).sum() / (total * (total - 1))

    def most(size):
        shares = np.array([size // len(counts) + (k < size % len(counts)) for k in range(len(counts))])
        return (size**2 - (shares**2).sum()) / (size - 1)

    scale = max(most(len(row)) for row in labels) * units / total / by_chance
    share = (1 - alpha) / scale
    effective = units if error == 0 else min(units, share * (1 - share) / (error / scale) ** 2)
    hits, misses = share * effective, (1 - share) * effective
    least = 0.0 if hits == 0 else stats.beta.ppf(0.025, hits, misses + 1)
    greatest = stats.beta.ppf(0.975, hits + 1, misses)
    for path, value in (("lower", 1 - scale * greatest), ("upper", 1 - scale * least)):
        yield case("krippendorffInterval", args, float(value), "beta.ppf of the share of disagreement", V, path)


def unanimous():
    """Two people who agree on everything."""
    for ones, zeros in ((2, 2), (10, 26), (1, 40)):
        args = [[u for u in range(ones + zeros) for _ in range(2)], [1] * (2 * ones) + [0] * (2 * zeros), "nominal"]
        yield from disagreement_bounds(args, [[1, 1]] * ones + [[0, 0]] * zeros, 1.0, 0.0)
        yield case("agreementVerdict", [*args[:2], 0.8], float(verdict_units(ones, zeros) - ones - zeros), "beta.ppf, searched", V, "moreNeeded")


def verdict_units(ones, zeros):
    """Units that agree on everything until the lower bound reaches 0.8, with the share of ones as it is."""
    counts = 2 * np.array([ones, zeros])
    by_chance = 1 - (counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1))
    units = ones + zeros
    while 1 - stats.beta.ppf(0.975, 1, units) / by_chance < 0.8:
        units += 1
    return units


def crowds():
    """Labels of annotators of different skill; with gaps, and with a rare class."""
    for seed, items, annotators, classes in ((61, 40, 7, 2), (62, 60, 5, 3), (63, 30, 9, 4)):
        rng = np.random.default_rng(seed)
        truth = rng.choice(classes, items, p=np.array([3.0] + [1.0] * (classes - 1)) / (classes + 2))
        skill = rng.uniform(0.45, 0.95, annotators)
        rows = [
            (i, a, int(truth[i]) if rng.random() < skill[a] else int(rng.integers(classes)))
            for i in range(items)
            for a in range(annotators)
            if rng.random() < 0.8
        ]
        yield [list(map(int, column)) for column in zip(*rows)]


def expectation_maximisation(items, annotators, values, smoothing):
    """Dawid and Skene's algorithm from its equations, run to its fixed point."""
    items, annotators, values = (np.unique(x, return_inverse=True)[1] for x in (items, annotators, values))
    n, m, q = items.max() + 1, annotators.max() + 1, values.max() + 1
    posterior = np.zeros((n, q))
    np.add.at(posterior, (items, values), 1)
    posterior /= posterior.sum(axis=1, keepdims=True)
    for _ in range(20_000):
        shares = posterior.mean(axis=0)
        confusion = np.full((m, q, q), smoothing)
        np.add.at(confusion, (annotators, values), posterior[items])
        confusion /= confusion.sum(axis=1, keepdims=True)
        score = np.tile(np.log(shares), (n, 1))
        np.add.at(score, items, np.log(confusion[annotators, values]))
        likelihood = scipy.special.logsumexp(score, axis=1)
        after = np.exp(score - likelihood[:, None])
        done = np.abs(after - posterior).max() < 1e-14
        posterior = after
        if done:
            break
    return posterior, shares, confusion, likelihood.sum()


def truth():
    for items, annotators, values in crowds():
        labels = {"items": items, "annotators": annotators, "values": values}
        exact = {"tolerance": 0, "maxIterations": 20000}
        posterior, shares, confusion, likelihood = expectation_maximisation(items, annotators, values, 0.01)
        call = "EM from its equations"
        args = [labels, exact]
        q = len(shares)
        yield case("dawidSkene", args, float(likelihood), call, N, "logLikelihood")
        yield case("dawidSkene", args, float(shares[0]), call, N, "classShares.0")
        yield case("dawidSkene", args, float(confusion[0, 0, 1]), call, N, f"confusion.{q}")
        frame = pd.DataFrame({"task": items, "worker": annotators, "label": values})
        fitted = DawidSkene(n_iter=200, tol=-1e18).fit(frame)
        args = [labels, {**exact, "smoothing": 0}]
        first = sorted(set(items))[0]
        for k in range(q):
            expected = float(fitted.probas_.loc[first, k])
            if expected > 1e-6:
                yield case("dawidSkene", args, expected, "DawidSkene(200 steps)", C, f"posterior.{k}")
        yield case("dawidSkene", args, float(fitted.priors_.loc[0]), "DawidSkene(200 steps)", C, "classShares.0")
        few = frame[frame.worker < 3]
        votes = MajorityVote().fit(few).probas_
        args = [{"items": few.task.tolist(), "annotators": few.worker.tolist(), "values": few.label.tolist()}]
        for i, task in enumerate(sorted(set(few.task))[:5]):
            yield case("inferTruth", args, float(votes.loc[task].max()), "MajorityVote", C, f"confidence.{i}")


def issues():
    for seed, rows, classes in ((71, 50, 2), (72, 60, 4), (73, 50, 3)):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, classes, rows)
        labels = np.where(rng.random(rows) < 0.15, rng.integers(0, classes, rows), truth)
        logits = rng.normal(0, 1, (rows, classes)) + 2.0 * np.eye(classes)[truth]
        p = np.round(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 8)
        p[:, -1] = 1 - p[:, :-1].sum(axis=1)
        args = [labels.tolist(), {"probabilities": p.ravel().tolist(), "classes": classes}]
        joint = compute_confident_joint(labels, p, calibrate=False).ravel()
        thresholds = get_confident_thresholds(labels, p)
        ranked = find_label_issues(labels, p, filter_by="confident_learning", return_indices_ranked_by="self_confidence", n_jobs=1)
        for i, value in list(enumerate(joint))[:3]:
            yield case("labelIssues", args, int(value), "compute_confident_joint", L, f"confidentJoint.{i}")
        for i, value in list(enumerate(thresholds))[:2]:
            yield case("labelIssues", args, float(value), "get_confident_thresholds", L, f"thresholds.{i}")
        yield case("labelIssues", args, len(ranked), "find_label_issues", L, "rows.length")
        for i, row in list(enumerate(ranked))[:3]:
            yield case("labelIssues", args, int(row), "find_label_issues", L, f"rows.{i}")


def small():
    for right, tasks, floor in ((9, 10, 0.85), (0, 0, 0.5), (30, 60, 0.8), (200, 200, 0.99)):
        value = stats.beta.cdf(floor, 1 + right, 1 + tasks - right)
        yield case("annotatorSkill", [right, tasks, {"floor": floor}], float(value), "beta.cdf", V, "chanceBelowFloor")
        yield case("betaCdf", [floor, 1 + right, 1 + tasks - right], float(value), "beta.cdf", V)
    for a, b in (([0.7, 0.3], [0.2, 0.8]), ([1.0, 0.0], [0.0, 1.0]), ([0.5, 0.5], [0.5, 0.5]), ([0.2, 0.3, 0.5], [0.1, 0.8, 0.1])):
        args = [{"probabilities": a + b, "members": 2, "classes": len(a)}]
        yield case("committeeDisagreement", args, float(jensenshannon(a, b) ** 2), "jensenshannon squared", V, "0")
    for kappas in ([0.5, 0.99, 0.995, 0.999], [0.2, 0.2, 0.2], [1, 1, 1, 1, -1]):
        yield case("stabilisingPredictions", [kappas], float(np.mean(kappas[-3:])), "mean", N, "agreement")
    for share, half, confidence in ((0.9, 0.03, 0.95), (0.5, 0.01, 0.99), (0.0, 0.05, 0.95), (1.0, 0.001, 0.9)):
        n = 1
        while np.diff(proportion_confint(share * n, n, 1 - confidence, "wilson"))[0] / 2 > half:
            n += 1
        args = [{"share": share, "halfWidth": half, "confidence": confidence}]
        yield case("labelsForPrecision", args, n, "proportion_confint wilson, first n", S)


def cases():
    for part in (agreement, truth, issues, small):
        yield from part()
