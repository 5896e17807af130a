import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.linear_model import Ridge

from samples import case

V = f"scikit-learn {sklearn.__version__}"
S = f"scipy {scipy.__version__}, numpy {np.__version__}"


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
                yield case("fitLossModel", args, float(fit.coef_[at]), "Ridge on one-hot bins", V, f"effects.{c}.{bin}", 1e-8)
                at += 1
        rest = losses - losses.mean() - table @ fit.coef_
        variance = float((rest**2).sum() / max(1, rows - table.shape[1]))
        yield case("fitLossModel", args, variance, "Ridge on one-hot bins", V, "residualVariance", 1e-8)
        model = {
            "edges": [cut.tolist() for cut in edges],
            "mean": float(losses.mean()),
            "effects": [part.tolist() for part in np.split(fit.coef_, np.cumsum([len(cut) + 1 for cut in edges])[:-1])],
            "residualVariance": variance,
            "rows": rows,
        }
        now = np.round(rng.normal(0.8, 1.5, (width, 40)), digits)
        fresh = np.hstack([one_hot(column, cut) for column, cut in zip(now, edges)])
        expected = float(losses.mean() + (fresh @ fit.coef_).mean())
        error = float(np.sqrt(variance * (1 / 40 + 1 / rows)))
        yield case("estimateLoss", [model, now.tolist()], expected, "Ridge.predict", V, "value", 1e-8)
        yield case("estimateLoss", [model, now.tolist()], expected + stats.norm.ppf(0.975) * error, "Ridge.predict, norm.ppf", S, "upper", 1e-8)


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
        rate = mix = 0.0
        for _, a, b in segments:
            w0, w1 = len(a) / len(before), len(b) / len(now)
            m0 = a.mean() if len(a) else b.mean()
            m1 = b.mean() if len(b) else a.mean()
            rate += (w0 + w1) / 2 * (m1 - m0)
            mix += (w1 - w0) * (m0 + m1) / 2
        yield case("attributeChange", args, float(rate), "Kitagawa", S, "rate", 1e-7)
        yield case("attributeChange", args, float(mix), "Kitagawa", S, "mix", 1e-7)
        reach = stats.norm.ppf(0.975) * np.sqrt(before.var(ddof=1) / len(before) + now.var(ddof=1) / len(now))
        yield case("attributeChange", args, float(now.mean() - before.mean() + reach), "norm.ppf", S, "change.upper", 1e-7)


def cases():
    yield from loss_cases()
    yield from attribution_cases()
