"""Intervals of rows that err together within clusters: the jackknife over clusters, from its definition."""

import itertools

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import special, stats
from sklearn import metrics as sk
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evaluation import weight_derivatives
from samples import case, scored

V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"
S = f"statsmodels {statsmodels.__version__}"


def effective(groups):
    sizes = np.unique(groups, return_counts=True)[1]
    return sizes.sum() ** 2 / (sizes**2).sum()


def jackknife(influence, groups):
    """CV3 of a linear statistic: what it becomes, to first order, without each cluster in turn."""
    influence, groups = np.asarray(influence, float), np.asarray(groups)
    keys = np.unique(groups)
    moved = [influence[groups == k].sum() / (1 - (groups == k).mean()) for k in keys]
    return np.sqrt((len(keys) - 1) / len(keys) * np.sum(np.square(moved))), max(1, effective(groups) - 1)


def unequal(rng, rows, count):
    """Clusters of unequal size, all of them present."""
    groups = np.minimum(rng.integers(0, count, rows), rng.integers(0, count, rows))
    groups[:count] = np.arange(count)
    return groups


def placements(labels, scores):
    y, s = np.array(labels), np.array(scores)
    wins = np.sign(s[y == 1][:, None] - s[y == 0][None, :]) / 2 + 0.5
    auc = wins.mean()
    influence = np.zeros(len(y))
    influence[y == 1] = (wins.mean(axis=1) - auc) / (y == 1).sum()
    influence[y == 0] = (wins.mean(axis=0) - auc) / (y == 0).sum()
    return auc, influence


def means():
    for seed in (31, 32, 33):
        rng = np.random.default_rng(seed)
        d = np.round(rng.normal(0.05, 1, 60), 6)
        groups = unequal(rng, 60, 9)
        left_out = np.array([d[groups != k].mean() for k in range(9)])
        error = np.sqrt(8 / 9 * ((left_out - d.mean()) ** 2).sum())
        freedom = effective(groups) - 1
        half = stats.t.ppf(0.975, freedom) * error
        args = [d.tolist(), {"clusters": groups.tolist()}]
        for path, value in (
            ("standardError", error),
            ("degreesOfFreedom", freedom),
            ("lower", d.mean() - half),
            ("pValue", 2 * stats.t.sf(abs(d.mean()) / error, freedom)),
        ):
            yield case("pairedMeanDifference", args, float(value), "means without each cluster, t", V, path)
        yield case("clusterCount", [groups.tolist()], 9, "unique", N, "clusters")
        yield case("clusterCount", [groups.tolist()], float(effective(groups)), "Kish", N, "effective")


def areas():
    for seed, digits in ((41, 10), (42, 1), (43, 2)):
        labels, a = scored(seed, 80, digits, 0.8)
        rng = np.random.default_rng(seed)
        b = np.round(np.clip(np.array(a) + rng.normal(0, 0.1, 80), 0, 1), digits).tolist()
        groups = unequal(rng, 80, 12)
        (auc, of_a), (other, of_b) = placements(labels, a), placements(labels, b)
        options = {"clusters": groups.tolist()}
        error, freedom = jackknife(of_a, groups)
        half = stats.t.ppf(0.975, freedom) * error / (auc * (1 - auc))
        for path, value in (("standardError", error), ("lower", special.expit(special.logit(auc) - half))):
            yield case("delongInterval", [labels, a, options], float(value), "placements, jackknife, t", V, path)
        error, freedom = jackknife(of_b - of_a, groups)
        p = 2 * stats.t.sf(abs(other - auc) / error, freedom)
        upper = other - auc + stats.t.ppf(0.975, freedom) * error
        for path, value in (("variance", error**2), ("pValue", p), ("upper", upper)):
            yield case("delongPaired", [labels, a, b, options], float(value), "placements, jackknife, t", V, path)
        area, m = sk.average_precision_score(labels, a), sum(labels)
        error, freedom = jackknife(weight_derivatives(labels, a), groups)
        error = max(error, np.sqrt(area * (1 - area) / m))
        freedom = min(max(1, min(m, 80 - m) - 1), freedom)
        low = special.expit(special.logit(area) - stats.t.ppf(0.975, freedom) * error / (area * (1 - area)))
        for path, value in (("standardError", error), ("lower", low)):
            yield case("prAucInterval", [labels, a, options], float(value), "complex step, jackknife, t", V, path)


def binned():
    for seed in (51, 52, 53):
        labels, p = scored(seed, 300, 12, 0.6)
        rng = np.random.default_rng(seed)
        groups = unequal(rng, 300, 15)
        y, q = np.array(labels), np.array(p)
        options = {"clusters": groups.tolist()}
        largest, own = [], []
        for i, part in enumerate(np.array_split(np.argsort(p), 10)):
            residuals = y[part] - q[part]
            seen = jackknife(residuals - residuals.mean(), groups[part])[0] ** 2
            predicted = (q[part] * (1 - q[part])).sum()
            added = (y[part].sum() + 2) / (len(part) + 4)
            own.append(max(predicted, seen))
            largest.append(max(predicted, len(part) * added * (1 - added), seen))
            share = y[part].mean()
            if i % 4 == 1 and 0 < share < 1:
                error, freedom = jackknife((y[part] - share) / len(part), groups[part])
                trials = len(part) / max(1, error**2 / (share * (1 - share) / len(part)))
                alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, freedom))
                _, high = proportion_confint(share * trials, trials, alpha, "wilson")
                yield case("reliabilityCurve", [labels, p, options], float(high), "wilson, design effect", S, f"{i}.interval.upper")
        error = sum(abs((y[part] - q[part]).sum()) for part in np.array_split(np.argsort(p), 10)) / 300
        z = stats.norm.ppf(0.975)
        for path, value in (
            ("interval.upper", min(1, error + z * np.sqrt(largest).sum() / 300)),
            ("upperWhenPerfect", z * np.sqrt(own).sum() / 300),
            ("expectedWhenPerfect", np.sqrt(2 / np.pi) * np.sqrt(own).sum() / 300),
        ):
            yield case("expectedCalibrationError", [labels, p, options], float(value), "half-normals that go together", V, path)


def lines():
    for seed in (61, 62, 63):
        labels, p = scored(seed, 200, 12, 0.8)
        rng = np.random.default_rng(seed)
        # Of equal size, for which the jackknife is the sandwich with factor G/(G-1).
        groups = rng.permutation(np.repeat(np.arange(20), 10))
        x = sm.add_constant(special.logit(np.array(p)))
        model, exact = sm.Logit(labels, x), {"disp": 0, "tol": 1e-14, "maxiter": 200}
        fit = model.fit(**exact)
        robust = model.fit(**exact, cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
        bread = np.linalg.inv(-fit.model.hessian(fit.params))
        scores = (np.array(labels) - fit.predict())[:, None] * x
        influence = scores @ bread
        for at, name in ((0, "interceptInterval"), (1, "slopeInterval")):
            error, freedom = jackknife(influence[:, at], groups)
            assert np.isclose(error, robust.bse[at] * np.sqrt(20 / 19), rtol=1e-8)
            half = stats.t.ppf(0.975, freedom) * error
            yield case("calibrationLine", [labels, p, {"clusters": groups.tolist()}], float(fit.params[at] - half), "Logit, scores, jackknife", S, f"{name}.lower")


def gaps():
    for seed, count in ((91, 2), (92, 3), (93, 2)):
        rng = np.random.default_rng(seed)
        labels, scores = scored(seed, 400, 6, 1.0)
        g, groups = rng.integers(0, count, 400), unequal(rng, 400, 25)
        y, decided = np.array(labels), np.array(scores) >= 0.5
        shares = []
        for k in range(count):
            own = g == k
            share = decided[own].mean()
            error, freedom = jackknife((decided[own] - share) / own.sum(), groups[own])
            trials = own.sum() / max(1, error**2 / (share * (1 - share) / own.sum()))
            influence = [((decided - share) * own)[groups == c].sum() for c in range(25)]
            shares.append((share, trials, freedom, np.array(influence)))
        each = 1 - 0.05 / (count * (count - 1) / 2)

        def interval(share, trials, freedom):
            alpha = 2 * stats.norm.sf(stats.t.ppf((1 + each) / 2, freedom))
            return proportion_confint(share * trials, trials, alpha, "wilson")

        upper, lower = 0.0, 0.0
        for (p, n, f, u), (q, m, h, v) in itertools.combinations(shares, 2):
            (low, high), (less, more) = interval(p, n, f), interval(q, m, h)
            r = (u * v).sum() / np.sqrt((u**2).sum() * (v**2).sum())
            reach = lambda a, b: np.sqrt(a * a - 2 * r * a * b + b * b)
            bounds = p - q - reach(p - low, more - q), p - q + reach(high - p, q - less)
            upper, lower = max(upper, bounds[1], -bounds[0]), max(lower, bounds[0], -bounds[1])
        args = [{"labels": labels, "scores": scores, "groups": g.tolist(), "clusters": groups.tolist(), "threshold": 0.5, "minClusters": 2}]
        yield case("fairnessGaps", args, float(upper), "wilson, design effect, Zou", S, "demographicParity.upper")
        yield case("fairnessGaps", args, float(lower), "wilson, design effect, Zou", S, "demographicParity.lower")


def slices():
    for seed, against in ((101, 0), (102, 0), (103, "rest")):
        rng = np.random.default_rng(seed)
        rows, count = 300, 20
        codes = [rng.integers(0, width, rows) for width in (2, 3)]
        groups = unequal(rng, rows, count)
        values = np.round(rng.normal(0, 1, rows) + rng.normal(0, 0.4, count)[groups] + 1.2 * (codes[1] == 2), 6)
        sums = np.array([(values - values.mean())[groups == c].sum() for c in range(count)])
        lean = min(0.0, float(stats.skew(sums)))
        tests = []
        for chosen in ((0,), (1,), (0, 1)):
            for key in itertools.product(*(range(int(codes[f].max()) + 1) for f in chosen)):
                inside = np.all([codes[f] == k for f, k in zip(chosen, key)], axis=0)
                own, n = values[inside].mean(), inside.sum()
                freedom = max(1, effective(groups[inside]) - 1)
                if against == 0:
                    difference, error = own, jackknife((values[inside] - own) / n, groups[inside])[0]
                else:
                    rest, m = values[~inside].mean(), (~inside).sum()
                    difference = own - rest
                    moved = []
                    for c in range(count):
                        part, other = inside & (groups == c), ~inside & (groups == c)
                        moved.append((values[part] - own).sum() / (n - part.sum()) - (values[other] - rest).sum() / m)
                    error = np.sqrt((count - 1) / count * np.sum(np.square(moved)))
                skewness = lean / np.sqrt(effective(groups[inside]))
                t = difference / error
                corrected = t + skewness * (2 * t * t + 1) / 6 + skewness**2 * t**3 / 27
                tests.append((stats.t.sf(corrected, freedom), difference))
        p = np.array([test[0] for test in tests])
        method = "fdr_bh" if against == 0 else "fdr_by"
        found = int(multipletests(p, 0.05, method)[0].sum())
        features = [{"name": name, "values": [f"{name}={k}" for k in range(int(own.max()) + 1)], "codes": own.tolist()} for name, own in zip("ab", codes)]
        args = [features, values.tolist(), {"minRows": 10, "minClusters": 2, "against": against, "clusters": groups.tolist()}]
        first = tests[int(p.argmin())]
        where = "slices.0" if found > 0 else "suspect"
        yield case("searchSlices", args, found, f"multipletests {method}", S, "discoveries")
        yield case("searchSlices", args, float(first[1]), "mean", N, f"{where}.difference")
        yield case("searchSlices", args, float(first[0]), "jackknife, t.sf after Hall (1992)", V, f"{where}.pValue")


def shares():
    for seed in (91, 92, 93):
        rng = np.random.default_rng(seed)
        trials = rng.integers(1, 30, 14)
        successes = rng.binomial(trials, rng.beta(2, 1, 14))
        if seed == 93:
            successes = trials.copy()
        groups = np.repeat(np.arange(14), trials)
        y = np.concatenate([np.repeat([1.0, 0.0], [s, n - s]) for s, n in zip(successes, trials)])
        share, n = y.mean(), len(y)
        error, freedom = jackknife((y - share) / n, groups)
        # Where nothing varies each cluster counts as one trial.
        worth = 14 if share in (0, 1) else n / max(1, error**2 / (share * (1 - share) / n))
        alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, freedom))
        low, high = proportion_confint(share * worth, worth, alpha, "wilson")
        args = [successes.tolist(), trials.tolist()]
        for path, value in (("effectiveTrials", worth), ("lower", low), ("upper", min(1, high))):
            yield case("clusteredShare", args, float(value), "wilson, design effect", S, path)


def cases():
    for part in (means, areas, binned, lines, gaps, slices, shares):
        yield from part()
