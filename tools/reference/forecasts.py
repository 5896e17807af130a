"""Forecasts whose method is known beforehand, from that method's library or definition."""

import numpy as np
import scipy
import sklearn
from scipy import optimize, stats
from sklearn.linear_model import Ridge

from samples import case

V = f"scipy {scipy.__version__}"
N = f"numpy {np.__version__}"
R = f"scikit-learn {sklearn.__version__}"


def conformal(series, horizon, origins, confidence, predict):
    """Split-conformal half-width of each step from rolling origins."""
    n = len(series)
    errors = np.array([[abs(series[o + h] - predict(series[:o], h)) for h in range(horizon)] for o in range(n - horizon - origins + 1, n - horizon + 1)])
    # Only every (h + 1)-th origin counts at step h + 1: the others share steps with it.
    independent = [origins / (h + 1) for h in range(horizon)]
    ranks = [min(origins, int(np.ceil(confidence * (k + 1) / k * origins - 1e-9))) for k in independent]
    return np.array([np.sort(errors[:, h])[ranks[h] - 1] for h in range(horizon)])


def theil_sen(past, step):
    past = past[-200:]
    slope, intercept, _, _ = stats.theilslopes(past, np.arange(len(past)), method="joint")
    return intercept + slope * (len(past) + step)


def ridge(past, step, season):
    n = len(past)
    t = np.arange(n + step + 1)
    columns = [2 * t / n - 1]
    for k in range(1, min(3, season // 2) + 1):
        columns.append(np.cos(2 * np.pi * k * t / season))
        if 2 * k < season:
            columns.append(np.sin(2 * np.pi * k * t / season))
    x = np.stack(columns, axis=1)
    # An unpenalised level as a column of its own with almost no penalty equals centring only up to rounding, so centre.
    fit = Ridge(alpha=0.01 * n, fit_intercept=True, solver="cholesky").fit(x[:n], past)
    lately = (past[-season:] - fit.predict(x[n - season : n])).mean()
    return fit.predict(x[n + step :])[0] + lately / 2


def cases():
    rng = np.random.default_rng(91)
    walk = np.round(np.cumsum(rng.normal(0, 1, 60)), 6)
    line = np.round(3 * np.arange(60) + rng.normal(0, 0.5, 60), 6)
    t = np.arange(96)
    season = np.round(20 + 0.05 * t + 8 * np.sin(2 * np.pi * t / 12) + 3 * np.cos(4 * np.pi * t / 12) + rng.normal(0, 1, 96), 6)
    flat = np.full(40, 7.0)
    for name, series, predict, options, version in (
        ("last value", walk, lambda past, h: past[-1], {"horizon": 3}, N),
        ("theilslopes joint", line, theil_sen, {"horizon": 3}, V),
        ("Ridge on harmonics", season, lambda past, h: ridge(past, h, 12), {"horizon": 3, "seasonLength": 12}, R),
        ("last value", flat, lambda past, h: past[-1], {"horizon": 3, "confidence": 0.5}, N),
    ):
        horizon = options["horizon"]
        training = max(8, 2 * options.get("seasonLength", 0))
        origins = min(50, len(series) - horizon - training + 1)
        half = conformal(series, horizon, origins, options.get("confidence", 0.8), predict)
        for h in range(horizon):
            value = predict(series, h)
            args = [series.tolist(), options]
            yield case("forecast", args, float(value), name, version, f"points.{h}.value")
            yield case("forecast", args, float(value - half[h]), f"{name}, split-conformal", version, f"points.{h}.lower")
            yield case("forecast", args, float(value + half[h]), f"{name}, split-conformal", version, f"points.{h}.upper")

    # Fieller's interval by its definition: the ratios at which a t test of numerator - ratio * denominator is at its limit.
    def t_statistic(a, b, ratio, overlap):
        d = a - ratio * b
        n = len(d)
        return d.mean() / np.sqrt(((d - d.mean()) ** 2).sum() * overlap / (n * (n - overlap)))

    for a, b, options in (
        (rng.gamma(3, 1, 20), rng.gamma(4, 1, 20), {}),
        (rng.normal(0.2, 1, 12), rng.gamma(9, 1, 12), {"confidence": 0.8}),
        (np.convolve(rng.gamma(2, 1, 46), np.ones(4) / 4, "valid"), np.convolve(rng.gamma(3, 1, 46), np.ones(4) / 4, "valid"), {"confidence": 0.8, "overlap": 4}),
        (rng.normal(3, 1, 9), np.ones(9), {}),
    ):
        a, b = np.round(a, 6), np.round(b, 6)
        overlap, confidence = options.get("overlap", 1), options.get("confidence", 0.95)
        limit = stats.t.ppf((1 + confidence) / 2, len(a) // overlap - 1)
        ratio = a.mean() / b.mean()
        if overlap == 1:
            assert np.isclose(stats.ttest_1samp(a - 0.1 * b, 0).statistic, t_statistic(a, b, 0.1, 1))
        args = [a.tolist(), b.tolist(), options]
        lower = optimize.brentq(lambda r: t_statistic(a, b, r, overlap) - limit, ratio - 50, ratio, xtol=1e-15, rtol=1e-14)
        upper = optimize.brentq(lambda r: t_statistic(a, b, r, overlap) + limit, ratio, ratio + 50, xtol=1e-15, rtol=1e-14)
        yield case("meanRatio", args, float(ratio), "mean / mean", N, "ratio")
        yield case("meanRatio", args, float(lower), "brentq of ttest_1samp", V, "lower")
        yield case("meanRatio", args, float(upper), "brentq of ttest_1samp", V, "upper")
