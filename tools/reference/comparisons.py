from decimal import Decimal, getcontext

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from samples import case, scored

V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"
S = f"statsmodels {statsmodels.__version__}"
P = "python decimal, 60 digits"


def delong(labels, a, b):
    """DeLong's variance straight from its definition, over all pairs."""
    labels, a, b = (np.asarray(x) for x in (labels, a, b))

    def components(scores):
        wins = np.sign(scores[labels == 1][:, None] - scores[labels == 0][None, :]) / 2 + 0.5
        return wins.mean(), wins.mean(axis=1), wins.mean(axis=0)

    auc_a, pos_a, neg_a = components(a)
    auc_b, pos_b, neg_b = components(b)
    variance = np.var(pos_b - pos_a, ddof=1) / len(pos_a) + np.var(neg_b - neg_a, ddof=1) / len(neg_a)
    return auc_b - auc_a, variance


def log10_adjusted(logs, method):
    """The definitions, with exact decimals that do not underflow."""
    getcontext().prec = 60
    p = [Decimal(10) ** Decimal(value) for value in logs]
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted = [Decimal(0)] * len(p)
    if method == "holm":
        highest = Decimal(0)
        for rank, i in enumerate(order):
            highest = max(highest, min(Decimal(1), p[i] * (len(p) - rank)))
            adjusted[i] = highest
    else:
        lowest = Decimal(1)
        for rank in range(len(p), 0, -1):
            factor = sum(Decimal(1) / i for i in range(1, len(p) + 1)) if method == "fdr_by" else 1
            lowest = min(lowest, p[order[rank - 1]] * len(p) * factor / rank)
            adjusted[order[rank - 1]] = lowest
    return [float(value.log10()) for value in adjusted]


def log10_cases():
    for logs in ([-2, -1.4, -1.52, -0.7], [-4000, -400, -0.25, -4000, -3999.9], [0, 0, 0], [-0.3, -0.3, -0.3], [-12.5], [-308.5, -323.2, -324, -1]):
        for function, method in (("benjaminiHochbergLog10", "fdr_bh"), ("benjaminiYekutieliLog10", "fdr_by"), ("holmLog10", "holm")):
            for i, value in enumerate(log10_adjusted(logs, method)):
                yield case(function, [logs], value, f"decimal, {method}", P, str(i))
    for p in ([0.01, 0.04, 0.03, 0.2], [1e-300, 1e-290, 1.0, 0.04, 0.049]):
        logs = np.log10(p).tolist()
        for function, method in (("benjaminiHochbergLog10", "fdr_bh"), ("benjaminiYekutieliLog10", "fdr_by"), ("holmLog10", "holm")):
            for i, value in enumerate(multipletests(p, method=method)[1]):
                yield case(function, [logs], float(np.log10(value)), f"log10 of multipletests {method}", S, str(i))


def cases():
    yield from log10_cases()
    for seed, digits in ((21, 10), (22, 1), (23, 2)):
        labels, a = scored(seed, 80, digits, 0.8)
        b = np.round(np.clip(np.array(a) + np.random.default_rng(seed).normal(0, 0.1, 80), 0, 1), digits).tolist()
        difference, variance = delong(labels, a, b)
        p = 2 * stats.norm.sf(abs(difference) / np.sqrt(variance))
        for path, value in (("difference", difference), ("variance", variance), ("pValue", p)):
            yield case("delongPaired", [labels, a, b], float(value), "definition over all pairs", N, path)
        _, single = delong(labels, np.zeros(80), a)
        yield case("delongInterval", [labels, a], float(np.sqrt(single)), "definition over all pairs", N, "standardError")
    for seed in (31, 32, 33):
        rng = np.random.default_rng(seed)
        d = np.round(rng.normal(0.05, 1, 60), 6)
        # Of equal size, where the jackknife over clusters is this sandwich.
        clusters = rng.permutation(np.repeat(np.arange(12), 5))
        test = stats.ttest_1samp(d, 0)
        interval = test.confidence_interval(0.95)
        for path, value in (("pValue", test.pvalue), ("lower", interval.low), ("upper", interval.high)):
            yield case("pairedMeanDifference", [d.tolist()], float(value), "ttest_1samp", V, path)
        fit = sm.OLS(d, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
        args = [d.tolist(), {"clusters": clusters.tolist()}]
        for path, value in (("standardError", fit.bse[0]), ("pValue", fit.pvalues[0])):
            yield case("pairedMeanDifference", args, float(value), "OLS cov_type=cluster", S, path)
    for b, c in ((10, 22), (0, 1), (15, 15), (400, 300)):
        rows = {"onlyChampionRight": b, "onlyChallengerRight": c}
        table = [[0, b], [c, 0]]
        yield case("mcnemar", [rows], float(mcnemar(table, exact=True).pvalue), "mcnemar exact", S, "pValue")
        if b != c:
            corrected = mcnemar(table, exact=False, correction=True)
            yield case("mcnemar", [rows], float(corrected.statistic), "mcnemar corrected", S, "statistic")
            yield case("mcnemar", [rows], float(corrected.pvalue), "mcnemar corrected", S, "chiSquaredPValue")
    for p in ([0.01, 0.04, 0.03, 0.2], [0.5, 0.5, 0.5], [1e-300, 0.0, 1.0, 0.04, 0.049], [0.7]):
        for function, method in (("benjaminiHochberg", "fdr_bh"), ("benjaminiYekutieli", "fdr_by"), ("holm", "holm")):
            adjusted = multipletests(p, method=method)[1]
            for i, value in enumerate(adjusted):
                yield case(function, [p], float(value), f"multipletests {method}", S, str(i))
    for seed, rows in ((41, 20), (42, 8), (43, 120)):
        rng = np.random.default_rng(seed)
        losses = np.round(rng.gamma(1, 0.4, rows), 6)
        switched = np.round(losses + rng.normal(0.05, 0.3, rows), 6)
        pairs = (switched - losses).reshape(-1, 2).mean(axis=1)
        interval = stats.ttest_1samp(pairs, 0).confidence_interval(0.95)
        args = [losses.tolist(), switched.tolist()]
        yield case("modelReliance", args, float(pairs.mean()), "e_divide - e_orig by its definition", N, "value")
        for path, value in (("lower", interval.low), ("upper", interval.high)):
            yield case("modelReliance", args, float(value), "ttest_1samp over pairs", V, path)
