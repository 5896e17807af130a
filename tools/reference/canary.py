"""Evidence that may be read at any time, label maturity, autocorrelated series, Kayenta's interval."""

import numpy as np
import scipy
import statsmodels
from scipy import optimize, special, stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint
from statsmodels.tsa.stattools import acf

from samples import case

V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"
S = f"statsmodels {statsmodels.__version__}"


def proportions():
    for k, n, alpha in ((0, 2000, 0.05), (3, 10, 0.05), (50, 100, 0.01), (100, 100, 0.1), (1, 100000, 0.05)):
        average = special.betaln(k + 1, n - k + 1)
        excess = lambda p: special.xlogy(k, p) + special.xlog1py(n - k, -p) - average - np.log(alpha)
        args = [k, n, {"alpha": alpha}]
        # The lower bound may be tiny: search for its logarithm.
        lower = 0.0 if k == 0 else np.exp(optimize.brentq(lambda x: excess(np.exp(x)), -100, np.log(k / n), xtol=1e-14))
        upper = 1.0 if k == n else optimize.brentq(excess, k / n, 1 - 1e-15, xtol=1e-16, rtol=1e-14)
        yield case("proportionConfidenceSequence", args, float(lower), "brentq of the likelihood ratio", V, "lower")
        yield case("proportionConfidenceSequence", args, upper, "brentq of the likelihood ratio", V, "upper")


def least_count(n, chance, alpha):
    """Fewest hits that do not refute "the chance is at least this": truncated uniform mixture, term by term."""
    for k in range(n + 1):
        e = special.betaln(k + 1, n - k + 1) + np.log(special.betainc(k + 1, n - k + 1, chance)) - np.log(chance)
        if e - special.xlogy(k, chance) - special.xlog1py(n - k, -chance) < -np.log(alpha):
            return k


def quantiles():
    rng = np.random.default_rng(81)
    for n, probability, alpha in ((200, 0.5, 0.05), (1000, 0.95, 0.05), (500, 0.1, 0.01), (50, 0.99, 0.05)):
        ascending = np.sort(rng.integers(0, 50, n)).tolist()
        args = [ascending, {"probability": probability, "alpha": alpha}]
        yield case("quantileConfidenceSequence", args, float(np.quantile(ascending, probability, method="inverted_cdf")), "quantile inverted_cdf", N, "estimate")
        low, high = least_count(n, probability, alpha / 2), least_count(n, 1 - probability, alpha / 2)
        if low > 0:
            yield case("quantileConfidenceSequence", args, ascending[low - 1], "ranks by betainc", V, "lower")
        if high > 0:
            yield case("quantileConfidenceSequence", args, ascending[n - high], "ranks by betainc", V, "upper")
    for shift in (0, 3, 20):
        a, b = np.sort(rng.normal(0, 10, 300)), np.sort(rng.normal(shift, 12, 400))
        a, b = np.round(a, 6).tolist(), np.round(b, 6).tolist()
        low = b[least_count(400, 0.5, 0.0125) - 1] - a[300 - least_count(300, 0.5, 0.0125)]
        yield case("quantileDifferenceSequence", [a, b, {"probability": 0.5}], low, "ranks by betainc", V, "lower")


def e_processes():
    ratios = [1.25, 1.5, 2, 3, 4, 6, 8, 12]
    empty = {"ratios": ratios, "nullRatio": 1, "logLikelihoodRatios": [0] * 8, "maxLogE": 0}
    empty |= {"canaryEvents": 0, "canaryExposure": 0, "baselineEvents": 0, "baselineExposure": 0}
    for ec, nc, eb, nb in ((9, 120, 4, 400), (0, 50, 3, 50), (40, 1000, 300, 90000)):
        chance = lambda r: r * nc / (r * nc + nb)
        logs = [stats.binom.logpmf(ec, ec + eb, chance(r)) - stats.binom.logpmf(ec, ec + eb, chance(1)) for r in ratios]
        value = special.logsumexp(logs) - np.log(8)
        interval = {"canaryEvents": ec, "canaryExposure": nc, "baselineEvents": eb, "baselineExposure": nb}
        yield case("updateCountEProcess", [empty, interval], max(0.0, float(value)), "binom.logpmf mixture", V, "maxLogE")
        state = empty | {"logLikelihoodRatios": [float(x) for x in logs], "maxLogE": max(0.0, float(value))}
        yield case("readCountEProcess", [state, 0.05], float(value), "logsumexp", V, "logEValue")
    for losses, wins in ((9, 1), (30, 30), (400, 300), (0, 12)):
        logs = [stats.binom.logpmf(losses, losses + wins, p) - stats.binom.logpmf(losses, losses + wins, 0.5) for p in np.arange(0.55, 0.95, 0.05)]
        value = float(special.logsumexp(logs) - np.log(len(logs)))
        start = {"losses": 0, "wins": 0, "maxLogEHarm": 0, "maxLogEBenefit": 0}
        args = [start, {"losses": losses, "wins": wins}]
        yield case("updatePairedEProcess", args, max(0.0, value), "binom.logpmf mixture", V, "maxLogEHarm")
        yield case("readPairedEProcess", [start | {"losses": losses, "wins": wins}, 0.05], value, "binom.logpmf mixture", V, "harm.logEValue")
    for counts, shares in (([5100, 4900], [0.5, 0.5]), ([10, 190], [0.1, 0.9]), ([300, 310, 390], [0.3, 0.3, 0.4])):
        prior = 10_000 * np.array(shares)
        value = stats.dirichlet_multinomial.logpmf(counts, prior, sum(counts)) - stats.multinomial.logpmf(counts, sum(counts), shares)
        start = {"counts": [0] * len(counts), "shares": shares, "logEBefore": 0, "logE": 0, "maxLogE": 0}
        yield case("updateSampleRatioEProcess", [start, counts, shares], float(value), "dirichlet_multinomial.logpmf", V, "logE")
        prior = 1_000 * np.array(shares)
        value = stats.dirichlet_multinomial.logpmf(counts, prior, sum(counts)) - stats.multinomial.logpmf(counts, sum(counts), shares)
        args = [start | {"concentration": 1_000}, counts, shares]
        yield case("updateSampleRatioEProcess", args, float(value), "dirichlet_multinomial.logpmf", V, "logE")


def bets():
    """The capital bet by bet, and the means it does not refute by a root finder."""
    rng = np.random.default_rng(85)
    stakes = (0.05, 0.1, 0.2, 0.4, 0.8)

    def capital(values, least, most, mean, side):
        room = mean - least if side == "above" else mean - most
        return special.logsumexp([np.log(np.cumprod(1 + s * (values - mean) / room)[-1]) for s in stakes]) - np.log(len(stakes))

    for n, least, most, mean, alpha in ((30, -1, 1, 0, 0.05), (100, 0, 1, 0.3, 0.01), (60, -2, 3, 1.5, 0.1)):
        values = np.round(rng.uniform(least, most, n) * 0.7 + 0.3 * most, 3)
        for side in ("above", "below"):
            args = [values.tolist(), {"least": least, "most": most, "mean": mean, "side": side}]
            yield case("bettingLogEValue", args, float(capital(values, least, most, mean, side)), "cumprod, logsumexp", V)
        args = [values.tolist(), {"least": least, "most": most, "alpha": alpha}]
        for path, side, outside in (("lower", "above", least + 1e-9), ("upper", "below", most - 1e-9)):
            refuted = lambda m: capital(values, least, most, m, side) - np.log(2 / alpha)
            bound = optimize.brentq(refuted, outside, values.mean(), xtol=1e-13)
            yield case("bettingConfidenceSequence", args, float(bound), "brentq of the capital", V, path)


def bounded_means():
    """The bets' lower bound of Fan, Grama and Liu from the values themselves; the means it refutes by a search from the sample's."""
    rng = np.random.default_rng(86)
    stakes = np.array((0.05, 0.1, 0.2, 0.4, 0.8))

    def evidence(values, least, most, mean, side):
        seen = (values - mean) / (mean - least if side == "above" else mean - most)
        return special.logsumexp([s * seen.sum() + (s + np.log(1 - s)) * (seen**2).sum() for s in stakes]) - np.log(len(stakes))

    for n, least, most, mean, alpha in ((400, -5, 5, 0, 0.05), (1000, 0, 1, 0.3, 0.01), (250, -2, 3, 0.4, 0.1)):
        center = least + 0.55 * (most - least)
        values = np.clip(np.round(rng.normal(center, 0.06 * (most - least), n), 3), least, most)
        sums = {"n": n, "sum": float(values.sum()), "sumSquares": float((values**2).sum())}
        for side in ("above", "below"):
            args = [sums, {"least": least, "most": most, "mean": mean, "side": side}]
            yield case("boundedMeanLogEValue", args, float(evidence(values, least, most, mean, side)), "sums of values, logsumexp", V)
        args = [sums, {"least": least, "most": most, "alpha": alpha}]
        for path, side, end in (("lower", "above", least), ("upper", "below", most)):
            refuted = lambda m: evidence(values, least, most, m, side) - np.log(2 / alpha)
            grid = np.linspace(values.mean(), end, 20_000, endpoint=False)
            first = next(i for i, m in enumerate(grid) if refuted(m) >= 0)
            bound = optimize.brentq(refuted, grid[first], grid[first - 1], xtol=1e-14)
            yield case("boundedMeanConfidenceSequence", args, float(bound), "brentq of the evidence", V, path)


def means():
    for n, total, squares, alpha, tuned in ((1000, 500.0, 1250.0, 0.05, 5000), (50, -20.0, 90.0, 0.01, 100), (200000, 3000.0, 2e5, 0.05, 20000)):
        rho = np.sqrt((-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / tuned)
        variance = (squares - total**2 / n) / (n - 1)
        half = np.sqrt(variance * 2 * (n * rho**2 + 1) / (n**2 * rho**2) * np.log(np.sqrt(n * rho**2 + 1) / alpha))
        args = [{"n": n, "sum": total, "sumSquares": squares}, {"alpha": alpha, "tunedForRows": tuned}]
        yield case("meanConfidenceSequence", args, float(half), "equation 9", N, "halfWidth")
        yield case("meanConfidenceSequence", args, float(total / n - half), "equation 9", N, "lower")
        args = [{"n": n, "sum": 0, "sumSquares": squares}, args[0], args[1]]
        both = (squares / (n - 1) / n + variance / n) * 2 * n
        rows = 2 * n
        half = np.sqrt(both * 2 * (rows * rho**2 + 1) / (rows**2 * rho**2) * np.log(np.sqrt(rows * rho**2 + 1) / alpha))
        yield case("differenceConfidenceSequence", args, float(half), "equation 9", N, "halfWidth")


def beta_product(factors, probability):
    """Quantile of a product of independent betas, taken as the beta with its first two moments."""
    if not factors:
        return 1.0
    first = np.prod([a / (a + b) for a, b in factors])
    second = np.prod([a * (a + 1) / ((a + b) * (a + b + 1)) for a, b in factors])
    scale = (first - second) / (second - first**2)
    return stats.beta.ppf(probability, first * scale, (1 - first) * scale)


def maturity():
    """Share by Kaplan and Meier; bounds by the beta product confidence procedure from its definition."""
    rng = np.random.default_rng(82)
    for n, age, share, digits in ((5, 3, 0.5, 0), (200, 4, 0.9, 2), (300, 10, 0.8, 0)):
        ages = np.round(rng.exponential(5, n), digits) if n > 5 else np.array([1.0, 2, 3, 4, 4])
        labelled = (rng.random(n) < 0.7).astype(int) if n > 5 else np.array([1, 1, 1, 1, 0])
        curve = SurvfuncRight(ages, labelled)
        at = np.searchsorted(curve.surv_times, age, side="right") - 1
        args = [ages.tolist(), labelled.tolist(), {"age": age, "share": share}]
        yield case("labelMaturity", args, float(1 - curve.surv_prob[at]), "SurvfuncRight", S, "share")
        came = labelled == 1
        times = [t for t in np.unique(ages[came]) if t <= age]
        factors = [(((ages >= t).sum() - d + 1), d) for t in times for d in [(came & (ages == t)).sum()]]
        watched = ((ages > age) | ((ages == age) & ~came)).sum()
        method = "beta product, moments"
        yield case("labelMaturity", args, float(1 - beta_product(factors, 0.975)), method, V, "lower")
        yield case("labelMaturity", args, float(1 - beta_product([*factors, (watched, 1)], 0.025)), method, V, "upper")
    # All watched as long, or all came: a binomial share.
    for n, hits in ((1, 1), (40, 40), (183, 183), (50, 47)):
        labelled = [1] * hits + [0] * (n - hits)
        low, high = proportion_confint(hits, n, 0.05, method="beta")
        args = [[2] * n, labelled, {"age": 2, "share": 0.9}]
        yield case("labelMaturity", args, float(low), "proportion_confint beta", S, "lower")
        yield case("labelMaturity", args, float(high), "proportion_confint beta", S, "upper")


def autocorrelation_time(x):
    rho = acf(x, nlags=len(x) - 1, fft=False)
    pairs = rho[0 : 2 * (len(x) // 2) : 2] + rho[1 : 2 * (len(x) // 2) : 2]
    positive = pairs[: np.argmax(pairs <= 0)] if (pairs <= 0).any() else pairs
    return max(1.0, 2 * np.minimum.accumulate(positive).sum() - 1)


def series():
    rng = np.random.default_rng(83)
    for rho, n in ((0.0, 100), (0.6, 300), (0.9, 500), (-0.5, 200)):
        x = [rng.normal()]
        for _ in range(n - 1):
            x.append(rho * x[-1] + rng.normal())
        x = np.round(x, 6)
        yield case("autocorrelationTime", [x.tolist()], float(autocorrelation_time(x)), "acf, pairs summed", S)
        if abs(rho) < 0.9:
            length = int(np.ceil(3 * autocorrelation_time(x)))
            blocks = n // length
            if blocks >= 24:
                means = x[n - blocks * length :].reshape(blocks, length).mean(axis=1)
                args = [[0] * n, x.tolist()]
                yield case("seriesDifference", args, float(means.mean()), "block means", N, "estimate")
                yield case("seriesDifference", args, blocks, "block means", N, "blocks")
                yield case("seriesDifference", args, length, "block means", N, "blockLength")
    yield case("autocorrelationTime", [[5, 5, 5]], 1.0, "a constant", N)


def kayenta():
    """The bound is where the corrected and tied Mann-Whitney score crosses the quantile; found here much more sharply than 1e-4."""
    rng = np.random.default_rng(84)
    samples = [
        (np.round(rng.normal(10, 2, 30), 3), np.round(rng.normal(11, 2, 30), 3)),
        (np.round(rng.exponential(100, 40), 3), np.round(rng.exponential(180, 35), 3)),
        (np.round(rng.normal(-50, 5, 20), 3), np.round(rng.normal(-60, 5, 25), 3)),
        (rng.integers(0, 6, 60).astype(float), rng.integers(3, 9, 60).astype(float)),
    ]
    # Small samples with ties, equal arms and a baseline of zeros: Kayenta's own bounds, found by Brent's method to within 1e-4.
    small = [
        ([1, 2.2, 1.1, 2.5, 3], [20, 22, 21, 25, 30]),
        ([10, 20.2, 10.1, 20.5, 30], [2, 2, 2, 2, 3]),
        ([20, 22, 21, 25, 30], [10, 12.2, 10.1, 12.5, 23]),
        ([1, 2, 3, 4], [10, 20, 30, 40]),
        ([1, 1, 1, 1, 1], [1, 1, 1, 1, 10]),
        ([1, 1, 1, 1, 1], [0, 1, 1, 1, 1]),
        ([0, 0, 0, 0, 0], [54.9, 54.5, 55.1, 55.6, 57.4]),
    ]
    pairs = [(baseline, canary, 0.98) for baseline, canary in samples]
    pairs += [(np.array(baseline, float), np.array(canary, float), 0.95) for baseline, canary in small]
    for baseline, canary, confidence in pairs:
        def score(shift):
            ranks = stats.rankdata(np.concatenate([canary - shift, baseline]))
            _, ties = np.unique(ranks, return_counts=True)
            n, m = len(canary), len(baseline)
            distance = ranks[:n].sum() - n * (n + 1) / 2 - n * m / 2
            variance = n * m / 12 * (n + m + 1 - (ties**3 - ties).sum() / ((n + m) * (n + m - 1)))
            return (distance - np.sign(distance) * 0.5) / np.sqrt(variance)

        z = stats.norm.ppf((1 + confidence) / 2)
        args = [{"baseline": baseline.tolist(), "canary": canary.tolist(), "confidence": confidence}]
        low, high = canary.min() - baseline.max(), canary.max() - baseline.min()
        sharp = confidence == 0.98
        for path, quantile in (("lower", z), ("upper", -z), ("shift", 0)):
            if (quantile > 0 and score(low) <= quantile) or (quantile < 0 and score(high) >= quantile):
                yield case("kayentaJudge", args, float(low if quantile > 0 else high), "no shift in reach", N, path)
            elif path != "shift" or not sharp:
                value = optimize.brentq(lambda s: score(s) - quantile, low, high, xtol=1e-12 if sharp else 1e-4)
                tolerance = max(1e-9, 2e-4 / abs(value)) if value else 1e-9
                yield case("kayentaJudge", args, float(value), "brentq of the score", V, path, tolerance)
        if baseline.any():
            yield case("kayentaJudge", args, float(canary.mean() / baseline.mean()), "ratio of means", N, "effect")


def cases():
    for part in (proportions, quantiles, e_processes, bets, bounded_means, means, maturity, series, kayenta):
        yield from part()
