from decimal import Decimal, getcontext

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.linear_model import Ridge
from statsmodels.stats.multitest import multipletests

from samples import case

V = f"scikit-learn {sklearn.__version__}"
S = f"scipy {scipy.__version__}, numpy {np.__version__}"
P = "python decimal, 60 digits"


def one_hot(column, edges):
    return np.eye(len(edges) + 1)[np.searchsorted(edges, column, side="left")]


def edges_of(column, bins):
    edges = np.unique(np.quantile(column, np.arange(1, bins) / bins))
    return edges[edges < column.max()]


def loss_cases():
    rng = np.random.default_rng(31)
    for rows, width, bins, ridge, digits in ((60, 2, 4, 10, 4), (200, 3, 5, 1, 4), (80, 1, 3, 5, 0), (50, 2, 10, 25, 2)):
        columns = np.round(rng.normal(0, 1, (width, rows)), digits)
        losses = np.round(np.abs(rng.normal(0, 1, rows) * (1 + np.abs(columns[0]))), 6)
        edges = [edges_of(column, bins) for column in columns]
        table = np.hstack([one_hot(column, cut) for column, cut in zip(columns, edges)])
        fit = Ridge(alpha=ridge, fit_intercept=False, solver="cholesky", tol=1e-14).fit(table, losses - losses.mean())
        args = [columns.tolist(), losses.tolist(), {"bins": bins, "ridge": ridge}]
        at = 0
        for c, cut in enumerate(edges):
            for bin in range(len(cut) + 1):
                yield case("fitLossModel", args, float(fit.coef_[at]), "Ridge on one-hot bins", V, f"effects.{c}.{bin}")
                at += 1
        # Mean and coefficients as linear functions of the losses, of which the rest is by definition.
        shares = table.mean(axis=0)
        inverse = np.linalg.inv(table.T @ table + ridge * np.eye(table.shape[1]))
        linear = np.vstack([np.full(rows, 1 / rows), inverse @ (table - shares).T])
        hat = np.hstack([np.ones((rows, 1)), table]) @ linear
        rest = (losses - hat @ losses) / (1 - np.diag(hat))
        covariance = linear @ np.diag(rest**2) @ linear.T
        for at in ((0, 0), (0, 1), (1, 1), (2, 1), (table.shape[1], 2)):
            yield case("fitLossModel", args, float(covariance[at]), "HC3 of the linear map", S, f"covariance.{at[0]}.{at[1]}")
        variance = float((rest**2).mean())
        spread = Ridge(alpha=ridge, fit_intercept=False, solver="cholesky", tol=1e-14).fit(table, rest**2 - variance)
        taken = ridge * inverse @ (fit.coef_ + ridge * inverse @ fit.coef_)
        yield case("fitLossModel", args, variance, "Ridge on one-hot bins", V, "residualVariance")
        yield case("fitLossModel", args, float(spread.coef_[1]), "Ridge on one-hot bins", V, "varianceEffects.0.1")
        yield case("fitLossModel", args, float(taken[0]), "linalg.inv", S, "shrinkage.0.0")
        parts = np.cumsum([len(cut) + 1 for cut in edges])[:-1]
        model = {
            "edges": [cut.tolist() for cut in edges],
            "mean": float(losses.mean()),
            "effects": [part.tolist() for part in np.split(fit.coef_, parts)],
            "shrinkage": [part.tolist() for part in np.split(taken, parts)],
            "covariance": covariance.tolist(),
            "residualVariance": variance,
            "varianceEffects": [part.tolist() for part in np.split(spread.coef_, parts)],
            "rows": rows,
        }
        now = np.round(rng.normal(0.8, 1.5, (width, 40)), digits)
        fresh = np.hstack([one_hot(column, cut) for column, cut in zip(now, edges)]).mean(axis=0)
        expected = float(losses.mean() + fresh @ fit.coef_)
        point = np.concatenate([[1], fresh])
        error = np.sqrt((variance + fresh @ spread.coef_) / 40 + point @ covariance @ point + (fresh @ taken) ** 2)
        yield case("estimateLoss", [model, now.tolist()], expected, "Ridge.predict", V, "value")
        yield case("estimateLoss", [model, now.tolist()], float(error), "definition", S, "standardError")
        yield case("estimateLoss", [model, now.tolist()], expected + stats.norm.ppf(0.975) * float(error), "Ridge.predict, norm.ppf", S, "upper")


def sums(values):
    return {"n": len(values), "sum": float(np.sum(values)), "sumSquares": float(np.sum(np.square(values)))}


def attribution_cases():
    rng = np.random.default_rng(37)
    draw = lambda rows, rate: (rng.random(rows) < rate).astype(float)
    situations = [
        [("a", draw(200, 0.1), draw(100, 0.1)), ("b", draw(100, 0.4), draw(300, 0.5))],
        [("a", draw(50, 0.3), draw(40, 0.3)), ("b", draw(60, 0.3), np.array([])), ("c", np.array([]), draw(30, 0.6))],
        [("only", draw(80, 0.2), draw(90, 0.7))],
        [("a", np.ones(5), np.ones(9)), ("b", np.zeros(7), np.zeros(2)), ("c", np.round(rng.normal(1e6, 1e3, 9)), np.round(rng.normal(1e6, 1e3, 8)))],
    ]
    for segments in situations:
        args = [[{"segment": name, "reference": sums(a), "current": sums(b)} for name, a, b in segments]]
        before = np.concatenate([a for _, a, _ in segments])
        now = np.concatenate([b for _, _, b in segments])
        yield case("attributeChange", args, float(now.mean() - before.mean()), "difference of means", S, "change.value")
        rate = mix = rate_variance = 0.0
        middles = []
        for _, a, b in segments:
            w0, w1 = len(a) / len(before), len(b) / len(now)
            m0 = a.mean() if len(a) else b.mean()
            m1 = b.mean() if len(b) else a.mean()
            rate += (w0 + w1) / 2 * (m1 - m0)
            mix += (w1 - w0) * (m0 + m1) / 2
            middles.append((m0 + m1) / 2)
            if len(a) > 1 and len(b) > 1:
                rate_variance += ((w0 + w1) / 2) ** 2 * (a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        def share_variance(side):
            shares = np.array([len(segment[side]) for segment in segments]) / sum(len(segment[side]) for segment in segments)
            covariance = (np.diag(shares) - np.outer(shares, shares)) / sum(len(segment[side]) for segment in segments)
            return np.array(middles) @ covariance @ np.array(middles)
        z = stats.norm.ppf(0.975)
        yield case("attributeChange", args, float(rate), "Kitagawa", S, "rate.value")
        yield case("attributeChange", args, float(rate + z * np.sqrt(rate_variance)), "Kitagawa, norm.ppf", S, "rate.upper")
        yield case("attributeChange", args, float(mix), "Kitagawa", S, "mix.value")
        reach = z * np.sqrt(max(0, share_variance(1) + share_variance(2)))
        yield case("attributeChange", args, float(mix + reach), "Kitagawa, multinomial covariance", S, "mix.upper")
        reach = stats.norm.ppf(0.975) * np.sqrt(before.var(ddof=1) / len(before) + now.var(ddof=1) / len(now))
        yield case("attributeChange", args, float(now.mean() - before.mean() + reach), "norm.ppf", S, "change.upper")


def feature_cases():
    """Rows drawn anew; excesses, errors, tails and adjusted p-values by numpy, scipy and statsmodels."""
    rng = np.random.default_rng(41)
    def loss(rows, p, truth):
        return np.round(np.where(rng.random(rows) < truth, -np.log(p), -np.log(1 - p)), 6)
    features = []
    for feature, worse in (("x", 3), ("y", None), ("z", 1)):
        p = [0.05, 0.2, 0.4, 0.6]
        features.append([(f"{feature}={i}", loss(400 + 150 * i, q, q), loss(500 - 90 * i, q, q + 0.25 * (i == worse))) for i, q in enumerate(p)])
    features[2].append(("z missing", loss(30, 0.1, 0.1), loss(40, 0.1, 0.9)))
    args = [[{"feature": name, "segments": [{"segment": s, "reference": sums(a), "current": sums(b)} for s, a, b in parts]} for name, parts in zip("xyz", features)]]
    found = []
    for name, parts in zip("xyz", features):
        n0, n1 = sum(len(a) for _, a, _ in parts), sum(len(b) for _, _, b in parts)
        share = np.array([(len(a) / n0 + len(b) / n1) / 2 for _, a, b in parts])
        change = np.array([b.mean() - a.mean() for _, a, b in parts])
        apart = np.array([a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b) for _, a, b in parts])
        within = np.array([np.concatenate([a - a.mean(), b - b.mean()]).var(ddof=2) * (1 / len(a) + 1 / len(b)) for _, a, b in parts])
        variance = np.maximum(apart, within)
        for i, (segment, a, b) in enumerate(parts):
            if min(len(a), len(b)) < 100:
                continue
            rest = np.delete(np.arange(len(parts)), i)
            weight = share[rest] / share[rest].sum()
            excess = share[i] * (change[i] - weight @ change[rest])
            error = share[i] * np.sqrt(variance[i] + weight**2 @ variance[rest])
            found.append((segment, excess, error, stats.norm.sf(excess / error), share[i] * change[i]))
    adjusted = multipletests([p for _, _, _, p, _ in found], method="fdr_by")[1]
    worst = sorted((one for one in zip(adjusted, found) if one[0] <= 0.05), key=lambda one: -one[1][1])
    yield case("attributeToFeatures", args, len(found), "numpy", S, "tested")
    yield case("attributeToFeatures", args, len(worst), "statsmodels multipletests fdr_by", S, "segments.length")
    miss = 0.05 * len(worst) / len(found) / sum(1 / i for i in range(1, len(found) + 1))
    yield case("attributeToFeatures", args, 1 - miss, "false coverage rate under any dependence", S, "confidence")
    for i, (p, (segment, excess, error, _, rate)) in enumerate(worst):
        z = stats.norm.isf(miss / 2)
        for path, value in (("excess.value", excess), ("excess.lower", excess - z * error), ("excess.upper", excess + z * error), ("rate.value", rate), ("adjustedLog10PValue", np.log10(p))):
            yield case("attributeToFeatures", args, float(value), "numpy, norm.isf, multipletests fdr_by", S, f"segments.{i}.{path}")


def ledger_cases():
    """Levels from exact decimals, and the sum of a long life, which no single level shows."""
    getcontext().prec = 60
    share = lambda look: 1 / (1 + Decimal(look).ln())
    for alpha in (0.05, 0.5, 1e-6):
        for looks in (0, 1, 2, 9, 364, 10**6, 10**12):
            ledger = {"alpha": alpha, "schedule": {"kind": "forever"}, "looks": looks, "periods": 0}
            level = Decimal(alpha) * (share(looks + 1) - share(looks + 2))
            yield case("nextAlpha", [ledger], float(level), "1/(1 + ln t) less the next", P, tolerance=1e-12)
            yield case("remainingAlpha", [ledger], float(Decimal(alpha) * share(looks + 1)), "1/(1 + ln t)", P, tolerance=1e-12)
    for looks, taken in ((365, 0), (365, 364), (1, 0), (40, 7)):
        ledger = {"alpha": 0.05, "schedule": {"kind": "even", "looks": looks}, "looks": taken, "periods": 2}
        left = Decimal("0.05") * (looks - taken) / looks
        yield case("nextAlpha", [ledger], float(Decimal("0.05") / looks), "equal parts", P)
        yield case("remainingAlpha", [ledger], float(left), "equal parts", P)
        yield case("spendAlpha", [ledger], (taken + 1) % looks, "looks of the period", P, "looks")
        yield case("spendAlpha", [ledger], 2 + (taken + 1) // looks, "periods", P, "periods")


def psi_of(before, now):
    """Value and degrees of freedom; half a row is added to every bin where one sample alone is empty."""
    used = (before > 0) | (now > 0)
    before, now = before[used], now[used]
    more = 0.5 if (before == 0).any() or (now == 0).any() else 0
    p = (before + more) / (before + more).sum()
    q = (now + more) / (now + more).sum()
    return float(((q - p) * np.log(q / p)).sum()), int(used.sum()) - 1


def seasonal_cases():
    rng = np.random.default_rng(41)
    draw = lambda shares, rows=400: rng.multinomial(rows, np.array(shares) / np.sum(shares)).tolist()
    day = 86_400_000
    summer, winter = [1, 2, 4, 2, 1], [4, 3, 2, 1, 1]
    years = lambda shares, count: [{"atMs": -365 * day * (i + 1), "counts": draw(shares)} for i in range(count)]
    situations = [
        # The same season, which other weeks do not disturb; a new one; what sampling alone gives.
        (draw(summer), years(summer, 3) + [{"atMs": -180 * day, "counts": draw(winter)}], {}),
        (draw(winter), years(summer, 4), {}),
        (draw(summer), years(summer, 2), {"level": 0.2}),
        # Ties, one value only, a bin that was never seen, huge counts.
        ([50, 50, 50], [{"atMs": -365 * day * i, "counts": [50, 50, 50]} for i in (1, 2, 3)], {}),
        ([0, 90, 0], [{"atMs": -365 * day * i, "counts": [0, 80 + i, 0]} for i in (1, 2)], {}),
        ([80, 20, 40], [{"atMs": -365 * day * i, "counts": [90, 10 * i, 0]} for i in (1, 2)], {}),
        ([10**9, 10**9 + 10**6], [{"atMs": -365 * day * i, "counts": [10**9, 10**9 - i * 10**6]} for i in (1, 2, 3)], {}),
    ]
    for counts, past, options in situations:
        season = {"periodMs": 365 * day, "withinMs": 20 * day}
        args = [{"atMs": 0, "counts": counts}, past, season, options]
        peers = [np.array(w["counts"], float) for w in past if abs(w["atMs"] % (365 * day)) <= 20 * day]
        level = options.get("level", 0.01)
        def effect(reference, window):
            value, freedom = psi_of(reference, window)
            scale = 1 / reference.sum() + 1 / window.sum()
            return max(0.0, value - scale * freedom), value > scale * stats.chi2.ppf(1 - level, freedom) if freedom else False
        seen = [effect(sum(peers) - peer, peer)[0] for peer in peers]
        usual = max(np.mean(seen) + stats.norm.ppf(1 - level) * np.std(seen, ddof=1), max(seen))
        size, shown = effect(sum(peers), np.array(counts, float))
        call = "numpy, chi2.ppf, norm.ppf"
        for path, value in (("effect", size), ("usual", usual), ("unusual", int(shown and size > usual)), ("windows", len(peers)), ("rows", sum(peers).sum())):
            yield case("seasonalDrift", args, float(value), call, S, path)


def cases():
    yield from ledger_cases()
    yield from seasonal_cases()
    yield from loss_cases()
    yield from attribution_cases()
    yield from feature_cases()
