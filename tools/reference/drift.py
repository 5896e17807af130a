import warnings

import numpy as np
import scipy
from scipy.optimize import brentq
from numpy.linalg import norm
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from samples import case, pairs_of_counts, pairs_of_samples

V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"


def anderson_cases():
    rng = np.random.default_rng(19)
    draw = lambda mean, rows, digits=6: np.round(rng.normal(mean, 1, rows), digits).tolist()
    for samples in (
        [draw(0, 30), draw(0.6, 25)],
        [draw(0, 20), draw(0, 15), draw(0.9, 10)],
        [draw(0, 30, 0), draw(0.5, 40, 0)],
        [draw(0, 12), draw(0, 12)],
        [draw(0, 20), draw(5, 20)],
        [[1.0, 1.0, 1.0], [2.0]],
        [[0.0, 1e9, -1e9, 3.5], [1e-9, 2.0, 2.0, 5.0, 1e12]],
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = stats.anderson_ksamp([np.array(sample) for sample in samples])
        yield case("andersonDarling", [samples], float(test.statistic), "anderson_ksamp midrank", V, "statistic")
        yield case("andersonDarling", [samples], float(test.pvalue), "anderson_ksamp midrank", V, "pValue")


def kept_cases():
    rng = np.random.default_rng(29)
    single = lambda values: np.asarray(values, np.float32).astype(float)
    for values, breaks in (
        (single(rng.normal(0, 1, 40)), single(np.sort(rng.normal(0, 1, 12)))),
        (single(rng.integers(-3, 4, 30)), single([-2, -1, 0, 0.5, 3])),
        (single([0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38]), single([-1e-40, 0, 1])),
        (single([5, 5, 5]), single([5])),
    ):
        left, right = np.searchsorted(breaks, values, "left"), np.searchsorted(breaks, values, "right")
        args = [values.tolist(), breaks.tolist()]
        for i in range(len(breaks)):
            yield case("countCells", args, float((right - left)[left == i].sum()), "searchsorted", N, f"at.{i}")
        for i in range(len(breaks) + 1):
            yield case("countCells", args, float((left[right == left] == i).sum()), "searchsorted", N, f"between.{i}")
    for a, b in list(pairs_of_samples())[:3]:
        breaks = np.unique(a + b)
        kept = {"kept": sorted(a), "rows": len(a), "breaks": breaks.tolist()}
        index = np.searchsorted(breaks, b)
        cells = {
            "at": np.bincount(index, minlength=len(breaks)).tolist(),
            "between": [0] * (len(breaks) + 1),
            "rows": len(b),
            "missing": 0,
        }
        test = stats.ks_2samp(a, b, method="exact")
        yield case("compareWithKept", [kept, cells], float(test.statistic), "ks_2samp exact", V, "ks.statistic")
        yield case("compareWithKept", [kept, cells], float(test.pvalue), "ks_2samp exact", V, "ks.pValue")
        if len(breaks) > 1:
            test = stats.mannwhitneyu(b, a, method="asymptotic")
            yield case("compareWithKept", [kept, cells], float(test.pvalue), "mannwhitneyu", V, "mannWhitney.pValue")


def noncentralities(statistic, df, confidence):
    ends = []
    for quantile in ((1 + confidence) / 2, (1 - confidence) / 2):
        above = lambda at: stats.ncx2.cdf(statistic, df, at) - quantile
        reached = stats.chi2.cdf(statistic, df) > quantile
        ends.append(brentq(above, 1e-12, 4 * statistic + 400, xtol=1e-12) if reached else 0.0)
    return ends


def first_order(gradient_p, gradient_q, p, q, n, m):
    covariance = lambda share: np.diag(share) - np.outer(share, share)
    return gradient_p @ covariance(p) @ gradient_p / n + gradient_q @ covariance(q) @ gradient_q / m


def reaching(value, df, variance):
    low, high = noncentralities(value, df, 0.95)
    reach = stats.norm.ppf(0.975) * np.sqrt(max(variance - 2 * df, 2 * df))
    return max(0, min(low, value - df - reach)), max(value, high, value - df + reach)


def interval_cases():
    for statistic, df, confidence in ((20, 4, 0.95), (4, 4, 0.95), (60, 20, 0.9), (1.5, 1, 0.99), (900, 9, 0.95)):
        low, high = noncentralities(statistic, df, confidence)
        args = [statistic, df, {"confidence": confidence}]
        yield case("noncentralityInterval", args, low, "brentq of ncx2.cdf", V, "lower")
        yield case("noncentralityInterval", args, high, "brentq of ncx2.cdf", V, "upper")
    for a, b in (([300, 500, 200], [450, 400, 150]), ([80, 90], [400, 60]), ([50] * 12, [40, 60] * 6), ([900, 40, 300, 60], [90, 400, 30, 70])):
        n, m = sum(a), sum(b)
        p, q = np.array(a) / n, np.array(b) / m
        df, rows = len(a) - 1, n + m
        statistic = float(stats.chi2_contingency([a, b], correction=False).statistic)
        middle = (n * p + m * q) / rows
        gap = p - q
        # Of χ² = nm/N Σ (p - q)² / r, where r is the share of both samples together.
        by_p = n * m / rows * (2 * gap / middle - n / rows * gap**2 / middle**2)
        by_q = n * m / rows * (-2 * gap / middle - m / rows * gap**2 / middle**2)
        ends = reaching(statistic, df, first_order(by_p, by_q, p, q, n, m))
        for key, value in (("cramersV", statistic), ("lower", ends[0]), ("upper", ends[1]), ("noise", df)):
            yield case("cramersVInterval", [a, b], float(np.sqrt(value / rows)), "ncx2, delta method", V, key)
        unit = 1 / n + 1 / m
        value = float(stats.entropy(q, p) + stats.entropy(p, q))
        p, q = ((np.array(c) + 0.5) / (sum(c) + len(c) / 2) for c in (a, b))
        order = first_order(np.log(p / q) + 1 - q / p, np.log(q / p) + 1 - p / q, p, q, n, m)
        result = {"value": value, "noise": df * unit, "degreesOfFreedom": df, "standardError": float(np.sqrt(order + 2 * df * unit**2))}
        yield case("psi", [a, b], result["standardError"], "diag(p) - p p'", N, "standardError")
        ends = reaching(value / unit, df, order / unit**2)
        yield case("psiInterval", [result], ends[0] * unit, "ncx2, delta method", V, "lower")
        yield case("psiInterval", [result], ends[1] * unit, "ncx2, delta method", V, "upper")
        p, q = np.array(a) / n, np.array(b) / m
        divergence = float(jensenshannon(p, q, 2)) ** 2
        order = first_order(np.log2(2 * p / (p + q)) / 2, np.log2(2 * q / (p + q)) / 2, p, q, n, m)
        unit /= 8 * np.log(2)
        reach = stats.norm.ppf(0.975) * np.sqrt(order + 2 * df * unit**2)
        for key, value in (("lower", divergence - df * unit - reach), ("upper", divergence + reach), ("noise", df * unit)):
            value = float(np.sqrt(min(1, max(0, value))))
            yield case("jensenShannonInterval", [a, b], value, "jensenshannon, delta method", V, key)


def cases():
    for a, b in pairs_of_samples():
        test = stats.ks_2samp(a, b, method="exact")
        yield case("ksTwoSample", [a, b], float(test.statistic), "ks_2samp exact", V, "statistic")
        yield case("ksTwoSample", [a, b], float(test.pvalue), "ks_2samp exact", V, "pValue")
        yield case("ksTwoSampleSorted", [sorted(a), sorted(b)], float(test.pvalue), "ks_2samp exact", V, "pValue")
        far = stats.ks_2samp(a, b).statistic * (len(a) * len(b) / (len(a) + len(b))) ** 0.5
        limit = float(special.kolmogorov(far))
        yield case("ksTwoSample", [a, b, {"method": "asymptotic"}], limit, "special.kolmogorov", V, "pValue")
        distance = float(stats.wasserstein_distance(a, b))
        yield case("wasserstein1", [a, b], distance, "wasserstein_distance", V)
        yield case("wasserstein1Sorted", [sorted(a), sorted(b)], distance, "wasserstein_distance", V)
        distance = float(stats.energy_distance(a, b))
        # Values 1e21 apart leave scipy, which sums squared gaps in another order, fewer digits.
        yield case("energyDistance", [a, b], distance, "energy_distance", V)
        test = stats.cramervonmises_2samp(a, b, method="asymptotic")
        yield case("cramerVonMises", [a, b], float(test.statistic), "cramervonmises_2samp", V, "statistic")
        yield case("cramerVonMises", [a, b], float(test.pvalue), "cramervonmises_2samp", V, "pValue")
        if len(set(a) | set(b)) > 1:
            test = stats.mannwhitneyu(b, a, method="asymptotic")
            yield case("mannWhitney", [a, b], float(test.pvalue), "mannwhitneyu asymptotic", V, "pValue")
            share = float(test.statistic) / (len(a) * len(b))
            yield case("mannWhitney", [a, b], share, "mannwhitneyu / (n m)", V, "probabilityHigher")
            yield case("mannWhitney", [a, b], 2 * share - 1, "2 mannwhitneyu / (n m) - 1", V, "rankBiserial")
            ordered = [sorted(a), sorted(b)]
            yield case("mannWhitneySorted", ordered, float(test.pvalue), "mannwhitneyu asymptotic", V, "pValue")
            yield case("mannWhitneySorted", ordered, share, "mannwhitneyu / (n m)", V, "probabilityHigher")
        for bins in (2, 4, 10):
            edges = np.unique(np.quantile(a, np.arange(1, bins) / bins))
            edges = edges[edges < max(a)]
            counts = np.bincount(np.searchsorted(edges, b, side="left"), minlength=len(edges) + 1)
            for i, edge in enumerate(edges):
                yield case("quantileEdges", [a, bins], float(edge), "quantile", N, str(i))
            for i, count in enumerate(counts):
                yield case("binCounts", [b, edges.tolist()], float(count), "searchsorted left", N, str(i))
    # Samples that do not overlap: two of the C(n + m, n) orders are as far apart.
    for n, m in ((30, 40), (600, 600), (900, 500)):
        a, b = list(range(n)), list(range(n, n + m))
        value = (np.log(2) - special.gammaln(n + m + 1) + special.gammaln(n + 1) + special.gammaln(m + 1)) / np.log(10)
        yield case("ksTwoSample", [a, b, {"method": "exact"}], float(value), "special.gammaln", V, "log10PValue")
    yield from anderson_cases()
    yield from kept_cases()
    yield from interval_cases()
    for a, b in pairs_of_counts():
        a_, b_ = np.array(a, float), np.array(b, float)
        yield case("jensenShannonDistance", [a, b], float(jensenshannon(a_, b_, 2)), "jensenshannon base 2", V)
        if (a_ == 0).any() or (b_ == 0).any():
            a_, b_ = a_ + 0.5, b_ + 0.5
        p, q = np.array(a) / sum(a), np.array(b) / sum(b)
        yield case("hellingerDistance", [a, b], float(norm(np.sqrt(p) - np.sqrt(q)) / 2**0.5), "linalg.norm", N)
        yield case("totalVariationDistance", [a, b], float(np.abs(p - q).sum() / 2), "abs().sum() / 2", N)
        p, q = a_ / a_.sum(), b_ / b_.sum()
        yield case("klDivergence", [a, b], float(stats.entropy(q, p)), "entropy(q, p)", V)
        value = float(stats.entropy(q, p) + stats.entropy(p, q))
        noise = 1 / sum(a) + 1 / sum(b)
        yield case("psi", [a, b], value, "entropy(q, p) + entropy(p, q)", V, "value")
        yield case("psi", [a, b], float(noise * stats.chi2.ppf(0.95, len(a) - 1)), "chi2.ppf", V, "floor")
        if min(min(a), min(b)) >= 10:
            test = stats.chi2_contingency([a, b], correction=False)
            yield case("chiSquaredTwoSample", [a, b], float(test.statistic), "chi2_contingency", V, "statistic")
            yield case("chiSquaredTwoSample", [a, b], float(test.pvalue), "chi2_contingency", V, "pValue")
            test = stats.chi2_contingency([a, b], correction=False, lambda_="log-likelihood")
            yield case("gTwoSample", [a, b], float(test.statistic), "chi2_contingency G", V, "statistic")
            yield case("gTwoSample", [a, b], float(test.pvalue), "chi2_contingency G", V, "pValue")
            v = float(stats.contingency.association([a, b], "cramer"))
            yield case("chiSquaredTwoSample", [a, b], v, "association cramer", V, "cramersV")
    for counts, shares in (([5100, 4900], [0.5, 0.5]), ([10, 90], [0.1, 0.9]), ([300, 310, 390], [1, 1, 1])):
        total = sum(counts)
        expected = [total * s / sum(shares) for s in shares]
        test = stats.chisquare(counts, expected)
        yield case("sampleRatioMismatch", [counts, shares], float(test.statistic), "chisquare", V, "statistic")
        yield case("sampleRatioMismatch", [counts, shares], float(test.pvalue), "chisquare", V, "pValue")
