import itertools
import math

import baycomp
import fairlearn
import numpy as np
import scipy
import sklearn
import statsmodels
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference, equalized_odds_difference
from scipy import special, stats
from sklearn import metrics as sk
from sklearn.model_selection import GroupKFold, StratifiedKFold, TimeSeriesSplit
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from samples import binary_samples, case, scored

B = "baycomp 1.0.3"
F = f"fairlearn {fairlearn.__version__}"
N = f"numpy {np.__version__}"
S = f"statsmodels {statsmodels.__version__}"
K = f"scikit-learn {sklearn.__version__}"
V = f"scipy {scipy.__version__}"
Z = stats.norm.ppf(0.975)


def cases():
    yield from weighted()
    yield from areas_and_calibration()
    yield from regression()
    yield from multiclass()
    yield from comparisons()
    yield from planning()
    yield from fairness()
    yield from slices()
    yield from splits()


def weighted():
    rng = np.random.default_rng(41)
    for at, (labels, scores) in enumerate(binary_samples()):
        w = np.round(rng.random(len(labels)) * 3, 3)
        if at == 1:
            w[::5] = 0
        if at == 2:
            w = w * 1e12
        w = w.tolist()
        decisions = [int(s >= 0.5) for s in scores]
        extra = {"weights": w}
        two = [labels, scores, extra]
        yield case("rocAuc", two, sk.roc_auc_score(labels, scores, sample_weight=w), "roc_auc_score sample_weight", K)
        yield case("prAuc", two, sk.average_precision_score(labels, scores, sample_weight=w), "average_precision_score sample_weight", K)
        yield case("logLoss", two, sk.log_loss(labels, scores, sample_weight=w), "log_loss sample_weight", K)
        yield case("brierScoreLoss", two, sk.brier_score_loss(labels, scores, sample_weight=w), "brier_score_loss sample_weight", K)
        three = [labels, scores, 0.5, extra]
        yield case("accuracyScore", three, sk.accuracy_score(labels, decisions, sample_weight=w), "accuracy_score sample_weight", K)
        yield case("matthewsScore", three, sk.matthews_corrcoef(labels, decisions, sample_weight=w), "matthews_corrcoef sample_weight", K)
        yield case("balancedAccuracyScore", three, sk.balanced_accuracy_score(labels, decisions, sample_weight=w), "balanced_accuracy_score sample_weight", K)
        yield case("balancedAccuracyScore", three[:3], sk.balanced_accuracy_score(labels, decisions), "balanced_accuracy_score", K)
        tn = sk.confusion_matrix(labels, decisions, labels=[0, 1], sample_weight=w)[0][0]
        yield case("confusionCounts", three, float(tn), "confusion_matrix sample_weight", K, "trueNegatives")


def half_normals(variances, n):
    """Mean and upper 95 % point (Cornish-Fisher) of a sum of half-normals, per row."""
    v = np.asarray(variances)
    mean = np.sqrt(2 * v / np.pi).sum()
    variance = ((1 - 2 / np.pi) * v).sum()
    third = (np.sqrt(2 / np.pi) * (4 / np.pi - 1) * v**1.5).sum()
    z = stats.norm.ppf(0.95)
    skewed = z + (z * z - 1) * third / (6 * variance**1.5) if variance > 0 else z
    return mean / n, (mean + skewed * np.sqrt(variance)) / n


def many_positives():
    """Nine tenths are positive and ranked hardly better than by chance: the share of positives says most of the error."""
    rng = np.random.default_rng(54)
    labels = (rng.random(150) < 0.9).astype(int)
    return labels.tolist(), np.round(rng.normal(0, 1, 150) + 0.2 * labels, 6).tolist()


def weight_derivatives(labels, scores):
    """How fast the average precision changes with the weight of each row: a complex step, exact to rounding."""
    y, s = np.array(labels), np.array(scores)
    at = [s >= threshold for threshold in np.unique(s)]

    def area(w):
        total = (w * y).sum()
        reached = [(w * y)[above].sum() for above in at]
        precision = [true / w[above].sum() for true, above in zip(reached, at)]
        steps = np.array(reached) - np.array([*reached[1:], 0])
        return (steps * np.array(precision)).sum() / total

    h = 1e-30
    unit = np.ones(len(y))
    weights = np.linspace(0.5, 2, len(y))
    assert math.isclose(area(weights), sk.average_precision_score(y, s, sample_weight=weights), rel_tol=1e-12)
    return np.array([area(unit + 1j * h * (np.arange(len(y)) == row)).imag / h for row in range(len(y))])


def areas_and_calibration():
    for labels, scores in (*binary_samples(), scored(4, 120, 12, 4.0), many_positives()):
        area = sk.average_precision_score(labels, scores)
        m = sum(labels)
        error = max(np.sqrt(area * (1 - area) / m), np.sqrt((weight_derivatives(labels, scores) ** 2).sum()))
        if area < 1:
            logit = special.logit(area)
            half = stats.t.ppf(0.975, max(1, min(m, len(labels) - m) - 1)) * error / (area * (1 - area))
            low, high = special.expit(logit - half), special.expit(logit + half)
        else:
            low, high = 0.025 ** (1 / m), 1.0
        for path, value in (("prAuc", area), ("standardError", error), ("lower", low), ("upper", high)):
            yield case("prAucInterval", [labels, scores], float(value), "average_precision_score, complex step, t, expit", K, path)
    for seed in (51, 52, 53):
        labels, p = scored(seed, 200, 12, 0.6)
        order = np.argsort(p)
        bins = np.array_split(order, 10)
        y, q, n = np.array(labels), np.array(p), 200
        distance = np.array([abs(y[b].sum() - q[b].sum()) for b in bins])
        own = np.array([(q[b] * (1 - q[b])).sum() for b in bins])
        share = np.array([(y[b].sum() + 2) / (len(b) + 4) for b in bins])
        largest = np.maximum(own, np.array([len(b) for b in bins]) * share * (1 - share))
        sd = np.array([np.sqrt(len(b) * y[b].mean() * (1 - y[b].mean())) for b in bins])
        folded = [stats.foldnorm.mean(d / s, scale=s) - d if s > 0 else 0.0 for d, s in zip(distance, sd)]
        error = distance.sum() / n
        perfect, upper = half_normals(own, n)
        reach = half_normals(largest, n)[1]
        values = {
            "error": error,
            "debiased": max(0.0, error - sum(folded) / n),
            "expectedWhenPerfect": perfect,
            "upperWhenPerfect": upper,
            "interval.lower": max(0.0, error - reach),
            "interval.upper": error + reach,
        }
        for path, value in values.items():
            yield case("expectedCalibrationError", [labels, p], float(value), "array_split, foldnorm", V, path)


def regression_samples():
    rng = np.random.default_rng(61)
    y = np.round(rng.normal(10, 3, 50), 6)
    yield y.tolist(), np.round(y + rng.normal(0, 1, 50), 6).tolist()
    yield [1.0, 1.0, 2.0, 2.0, 3.0], [2.0, 2.0, 2.0, 2.0, 2.0]
    yield [0.0, 1e9, -1e9, 3.5], [1e-9, 2.0, 2.0, 5.0]


def regression():
    rng = np.random.default_rng(62)
    for y, f in regression_samples():
        w = np.round(rng.random(len(y)) + 0.1, 3).tolist()
        e = np.array(y) - np.array(f)
        for more, kwargs in (([], {}), ([{"weights": w}], {"sample_weight": w})):
            yield case("meanAbsoluteError", [y, f, *more], sk.mean_absolute_error(y, f, **kwargs), "mean_absolute_error", K)
            yield case("rootMeanSquaredError", [y, f, *more], sk.root_mean_squared_error(y, f, **kwargs), "root_mean_squared_error", K)
            yield case("r2Score", [y, f, *more], sk.r2_score(y, f, **kwargs), "r2_score", K)
            for q in (0.1, 0.5, 0.95):
                value = sk.mean_pinball_loss(y, f, alpha=q, **kwargs)
                yield case("pinballLoss", [y, f, q, *more], value, "mean_pinball_loss", K)
        per_row = np.maximum(0.9 * e, -0.1 * e)
        for row in (0, 1, 2):
            yield case("pinballLossPerRow", [y, f, 0.9], float(per_row[row]), "definition", N, str(row))
        mae = stats.ttest_1samp(np.abs(e), 0).confidence_interval(0.95)
        mse = stats.ttest_1samp(e**2, 0).confidence_interval(0.95)
        d = (np.array(y) - np.mean(y)) ** 2
        r2 = sk.r2_score(y, f)
        influence = (e**2 - (1 - r2) * d) / d.mean()
        half = stats.t.ppf(0.975, len(y) - 1) * np.sqrt((influence**2).sum() / (len(y) * (len(y) - 1)))
        args = [y, f, {"quantiles": [0.9]}]
        values = {
            "0.value": np.abs(e).mean(),
            "0.lower": max(0.0, mae.low),
            "0.upper": mae.high,
            "1.value": np.sqrt((e**2).mean()),
            "1.lower": np.sqrt(max(0.0, mse.low)),
            "1.upper": np.sqrt(mse.high),
            "2.value": r2,
            "2.lower": r2 - half,
            "2.upper": min(1.0, r2 + half),
            "3.value": per_row.mean(),
        }
        for path, value in values.items():
            yield case("regressionEstimates", args, float(value), "ttest_1samp, delta method", V, path)


def class_samples():
    rng = np.random.default_rng(71)
    for rows, classes, digits in ((40, 3, 6), (50, 4, 1), (30, 2, 3)):
        labels = rng.integers(0, classes, rows)
        labels[: 2 * classes] = np.tile(np.arange(classes), 2)
        raw = rng.random((rows, classes)) + np.eye(classes)[labels] * 0.5
        p = np.round(raw / raw.sum(axis=1, keepdims=True), digits)
        p[:, -1] = np.round(1 - p[:, :-1].sum(axis=1), digits)
        yield labels.tolist(), np.clip(p, 0, 1), classes
    yield [0, 1, 2], np.full((3, 3), 1 / 3), 3


def delong_parts(own, scores):
    own, scores = np.asarray(own), np.asarray(scores)
    wins = np.sign(scores[own == 1][:, None] - scores[own == 0][None, :]) / 2 + 0.5
    placements = np.empty(len(own))
    placements[own == 1] = wins.mean(axis=1)
    placements[own == 0] = wins.mean(axis=0)
    return wins.mean(), placements


def multiclass():
    rng = np.random.default_rng(72)
    for labels, p, classes in class_samples():
        w = np.round(rng.random(len(labels)) + 0.1, 3).tolist()
        rows = {"probabilities": np.ravel(p).tolist(), "classes": classes}
        decisions = np.argmax(p, axis=1).tolist()
        for more, kwargs in (([], {}), ([{"weights": w}], {"sample_weight": w})):
            loss = sk.log_loss(labels, p, labels=list(range(classes)), **kwargs)
            yield case("multiclassLogLoss", [labels, rows, *more], loss, "log_loss", K)
            matrix = sk.confusion_matrix(labels, decisions, labels=list(range(classes)), **kwargs)
            for i, j in ((0, 0), (0, 1), (classes - 1, 0)):
                value = float(matrix[i][j])
                yield case("confusionMatrix", [labels, decisions, classes, *more], value, "confusion_matrix", K, f"{i}.{j}")
            for average in ("macro", "weighted"):
                areas = [sk.roc_auc_score(np.array(labels) == k, p[:, k], **kwargs) for k in range(classes)]
                weight = np.bincount(labels, weights=w if kwargs else None)
                value = float(np.average(areas, weights=weight if average == "weighted" else None))
                if classes > 2:
                    same = sk.roc_auc_score(labels, p, multi_class="ovr", average=average, **kwargs)
                    assert math.isclose(value, same, rel_tol=1e-12)
                options = {"average": average, **(more[0] if more else {})}
                yield case("multiclassAuc", [labels, rows, options], value, f"roc_auc_score ovr {average}", K)
        per_row = -np.log(np.clip(p[np.arange(len(labels)), labels], 2.220446049250313e-16, 1 - 2.220446049250313e-16))
        yield case("multiclassLogLossPerRow", [labels, rows], float(per_row[0]), "definition", N, "0")
        if len(labels) < 4:
            continue
        interval = stats.ttest_1samp(per_row, 0).confidence_interval(0.95)
        right = int((np.array(decisions) == np.array(labels)).sum())
        low, high = proportion_confint(right, len(labels), 0.05, "wilson")
        influence, areas = np.zeros(len(labels)), []
        for k in range(classes):
            own = np.array(labels) == k
            area, placements = delong_parts(own.astype(int), p[:, k])
            areas.append(area)
            side = np.where(own, own.sum(), (~own).sum())
            influence += (placements - area) / (classes * np.sqrt(side * (side - 1)))
        half = Z * np.sqrt((influence**2).sum())
        values = {
            "0.value": per_row.mean(),
            "0.lower": max(0.0, interval.low),
            "0.upper": interval.high,
            "1.value": right / len(labels),
            "1.lower": low,
            "1.upper": high,
            "2.value": np.mean(areas),
            "2.lower": np.mean(areas) - half,
            "2.upper": min(1.0, np.mean(areas) + half),
            "3.value": areas[0],
        }
        for path, value in values.items():
            yield case("multiclassEstimates", [labels, rows], float(value), "ttest_1samp, Wilson, DeLong", S, path)


def comparisons():
    for b, c in ((10, 22), (0, 1), (15, 15), (400, 300), (3, 40)):
        k, n = min(b, c), b + c
        value = min(1.0, 2 * stats.binom.cdf(k, n, 0.5) - stats.binom.pmf(k, n, 0.5))
        rows = {"onlyChampionRight": b, "onlyChallengerRight": c}
        yield case("mcnemar", [rows], float(value), "binom.cdf, binom.pmf", V, "midPValue")
    rng = np.random.default_rng(81)
    samples = (np.round(rng.normal(-0.02, 0.02, 10), 6), np.array([0.5, -0.5, 0.5, -0.5]), np.array([1e-6, 2e-6, 4e-6]))
    for d, rope in itertools.product(samples, (0.0, 0.01)):
        n = len(d)
        probabilities = baycomp.two_on_single(np.zeros(n), d, rope=rope)
        below, above = probabilities[0], probabilities[-1]
        args = [d.tolist(), {"rope": rope, "correlation": 1 / n}]
        yield case("bayesianComparison", args, float(below), "two_on_single", B, "probabilityBelow")
        yield case("bayesianComparison", args, float(above), "two_on_single", B, "probabilityAbove")
        scale = np.sqrt((1 / n + 1 / (n - 1)) * np.var(d, ddof=1))
        low = stats.t.ppf(0.025, n - 1, d.mean(), scale)
        yield case("bayesianComparison", args, float(low), "t.ppf", V, "interval.lower")
    for (x, n), (y, m) in (((56, 70), (48, 80)), ((0, 10), (0, 20)), ((10, 10), (0, 20)), ((5, 56), (0, 29))):
        low, high = confint_proportions_2indep(x, n, y, m, method="newcomb", compare="diff")
        args = [{"successes": x, "trials": n}, {"successes": y, "trials": m}]
        yield case("proportionDifference", args, float(low), "confint_proportions_2indep newcomb", S, "lower")
        yield case("proportionDifference", args, float(high), "confint_proportions_2indep newcomb", S, "upper")
    for seed in (82, 83, 84):
        d = np.round(np.random.default_rng(seed).exponential(1, 80), 6)
        both = stats.bootstrap((d,), np.mean, n_resamples=100_000, method="BCa", rng=seed).confidence_interval
        plain = stats.bootstrap((d,), np.mean, n_resamples=100_000, method="percentile", rng=seed).confidence_interval
        args = [d.tolist(), {"seed": 1, "replicates": 20_000}]
        for kind, interval in (("bca", both), ("percentile", plain)):
            yield case("bootstrapMeanDifference", args, float(interval.low), f"bootstrap {kind}", V, f"{kind}.lower", 0.01)
            yield case("bootstrapMeanDifference", args, float(interval.high), f"bootstrap {kind}", V, f"{kind}.upper", 0.01)


def planning():
    power = NormalIndPower()
    for sd, gain, margin, n in ((0.5, 0.02, 0.01, 2000), (1.0, 0.0, 0.1, 500), (0.01, 1e-5, 0.0, 10_000_000), (2.0, 0.5, 0.0, 3)):
        effect = (gain + margin) / sd
        value = power.power(effect, n, 0.025, ratio=0, alternative="larger")
        plan = {"standardDeviation": sd, "trueGain": gain, "margin": margin}
        yield case("pairedPower", [{**plan, "rows": n}], float(value), "NormalIndPower.power", S)
        needed = ((Z + stats.norm.ppf(0.8)) / effect) ** 2
        yield case("pairedRowsRequired", [plan], math.ceil(needed), "norm.ppf", V)
    for d, g in ((0.1, 0.02), (0.5, 0.5), (0.02, 0.001)):
        needed = (Z * np.sqrt(d) + stats.norm.ppf(0.8) * np.sqrt(d - g * g)) ** 2 / g**2
        yield case("mcnemarRowsRequired", [{"discordantShare": d, "gainShare": g}], math.ceil(needed), "Connor (1987)", V)
    for gain, bound, half, n in ((0.001, -0.005, 0.01, 1000), (0.002, -0.005, 0.006, 1000), (0.0, 0.0, 0.01, 500), (-0.004, -0.005, 0.003, 2000), (0.01, 0.0, 0.011, 90)):
        scale = lambda distance: max(1, math.ceil(n * (half * (1 + stats.norm.ppf(0.8) / Z) / distance) ** 2))
        value = scale(-bound) if bound < 0 else 0
        if value <= n and gain != bound:
            value = max(scale(abs(gain - bound)), n + 1)
        if value > n:
            seen = {"gain": gain, "bound": bound, "halfWidth": half, "rows": n}
            yield case("rowsToDecide", [seen], value, "norm.ppf", V)


def fairness():
    rng = np.random.default_rng(91)
    for rows, groups, digits in ((120, 2, 6), (160, 4, 1), (80, 3, 2)):
        labels, scores = scored(int(rng.integers(1000)), rows, digits, 1.0)
        g = rng.integers(0, groups, rows).tolist()
        decisions = [int(s >= 0.5) for s in scores]
        args = [{"labels": labels, "scores": scores, "groups": g, "threshold": 0.5, "minRows": 1}]
        for path, function in (
            ("demographicParity", demographic_parity_difference),
            ("equalisedOdds", equalized_odds_difference),
            ("equalOpportunity", equal_opportunity_difference),
        ):
            value = function(labels, decisions, sensitive_features=g)
            yield case("fairnessGaps", args, float(value), function.__name__, F, f"{path}.gap")
        counts = [(sum(d for d, own in zip(decisions, g) if own == k), g.count(k)) for k in range(groups)]
        pairs = list(itertools.combinations(counts, 2))
        bounds = [confint_proportions_2indep(*a, *b, method="newcomb", alpha=0.05 / len(pairs)) for a, b in pairs]
        upper = max(max(high, -low) for low, high in bounds)
        yield case("fairnessGaps", args, float(upper), "confint_proportions_2indep newcomb", S, "demographicParity.upper")
        low, high = proportion_confint(*counts[0], 0.05, "wilson")
        yield case("fairnessGaps", args, float(high), "proportion_confint wilson", S, "groups.0.selectionRate.interval.upper")


def hall(values, everything):
    """One-sided p-value of a mean above 0, with Hall's correction where all values together lean to the left."""
    n = len(values)
    error = values.std(ddof=1) / np.sqrt(n)
    t = values.mean() / error
    skewness = min(0.0, float(stats.skew(everything))) / np.sqrt(n)
    corrected = t + skewness * (2 * t * t + 1) / 6 + skewness**2 * t**3 / 27
    return stats.t.sf(corrected, n - 1), error


def slices():
    for seed, rows, shift, lean in ((101, 160, 1.5, 1), (102, 120, 1.0, -1), (103, 100, 0.0, -1)):
        rng = np.random.default_rng(seed)
        codes = [rng.integers(0, width, rows) for width in (2, 3, 4)]
        values = np.round(lean * (rng.exponential(1, rows) - 1) + shift * ((codes[0] == 1) & (codes[1] == 2)), 6)
        names = ("a", "b", "c")
        features = [
            {"name": name, "values": [f"{name}={k}" for k in range(int(own.max()) + 1)], "codes": own.tolist()}
            for name, own in zip(names, codes)
        ]
        for depth in (1, 2, 3):
            tests = []
            for size in range(1, depth + 1):
                for chosen in itertools.combinations(range(3), size):
                    for key in itertools.product(*(range(int(codes[f].max()) + 1) for f in chosen)):
                        inside = np.all([codes[f] == k for f, k in zip(chosen, key)], axis=0)
                        if inside.sum() >= 10:
                            tests.append((*hall(values[inside], values), values[inside].mean(), int(inside.sum())))
            p = np.array([test[0] for test in tests])
            found = int(multipletests(p, 0.05, "fdr_bh")[0].sum())
            args = [features, values.tolist(), {"depth": depth, "minRows": 10}]
            first = tests[int(p.argmin())]
            where = "slices.0" if found > 0 else "suspect"
            yield case("searchSlices", args, len(tests), "all subsets", N, "tested")
            yield case("searchSlices", args, found, "multipletests fdr_bh", S, "discoveries")
            yield case("searchSlices", args, float(first[2]), "mean", N, f"{where}.difference")
            yield case("searchSlices", args, first[3], "count", N, f"{where}.rows")
            yield case("searchSlices", args, float(first[0]), "t.sf after Hall (1992)", V, f"{where}.pValue")


def splits():
    rng = np.random.default_rng(111)
    for rows, folds, classes in ((50, 5, 2), (61, 4, 3), (12, 3, 2)):
        strata = (np.arange(rows) % classes).astype(int).tolist()
        sizes = sorted(len(test) for _, test in StratifiedKFold(folds).split(strata, strata))
        args = [strata, {"folds": folds, "seed": 3}]
        yield case("stratifiedFolds", args, sizes[-1], "StratifiedKFold", K, "0.test.length")
        yield case("stratifiedFolds", args, rows - sizes[-1], "StratifiedKFold", K, "0.train.length")
        groups = (rng.integers(0, 9, rows) ** 2).tolist()
        for fold, (train, test) in enumerate(GroupKFold(folds).split(groups, groups, groups)):
            yield case("groupFolds", [groups, {"folds": folds}], len(test), "GroupKFold", K, f"{fold}.test.length")
    for n, folds, gap in ((40, 3, 0), (60, 4, 5), (100, 5, 2)):
        times = (np.arange(n) * 10).tolist()
        length = n // (folds + 1)
        split = list(TimeSeriesSplit(folds, gap=gap, test_size=length).split(times))
        plan = {"fromMs": 0, "untilMs": n * 10, "testMs": length * 10, "embargoMs": gap * 10}
        # Ours goes on backwards while a single row is left to train on.
        more = sum(1 for k in range(folds + 1, n) if n - k * length - gap > 0)
        for fold in (0, folds - 1):
            train, test = split[fold]
            at = fold + more
            yield case("rollingOrigin", [plan], int(test[0]) * 10, "TimeSeriesSplit", K, f"{at}.test.fromMs")
            yield case("rollingOrigin", [plan], (int(train[-1]) + 1) * 10, "TimeSeriesSplit", K, f"{at}.train.untilMs")
    for n, folds, embargo, span in ((30, 3, 0, 0), (40, 4, 25, 35), (50, 2, 100, 15)):
        start = np.arange(n) * 10
        end = start + rng.integers(0, span + 1, n)
        blocks = np.array_split(np.arange(n), folds)
        args = [{"startMs": start.tolist(), "endMs": end.tolist(), "folds": folds, "embargoMs": embargo}]
        for fold, test in enumerate(blocks):
            low, high = start[test].min(), end[test].max()
            kept = [i for i in range(n) if i not in test and (end[i] < low or (start[i] > high and start[i] >= high + embargo))]
            yield case("purgedFolds", args, len(kept), "definition", N, f"{fold}.train.length")
            if kept:
                yield case("purgedFolds", args, kept[-1], "definition", N, f"{fold}.train.{len(kept) - 1}")
    for n, folds, embargo in ((40, 3, 0), (60, 2, 50), (30, 1, 10)):
        times = (np.arange(n) * 10).tolist()
        groups = rng.integers(0, 25, n).tolist()
        blocks = np.array_split(np.arange(n), folds + 1)
        args = [{"timeMs": times, "groups": groups, "folds": folds, "embargoMs": embargo}]
        for fold, test in enumerate(blocks[1:]):
            tabu = {groups[i] for i in test}
            start = times[test[0]]
            kept = [i for i in range(n) if times[i] < start and times[i] <= start - embargo and groups[i] not in tabu]
            yield case("groupTimeFolds", args, len(kept), "definition", N, f"{fold}.train.length")
