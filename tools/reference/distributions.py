import numpy as np
import scipy
from scipy import special, stats

from samples import case

V = f"scipy {scipy.__version__}"


def cases():
    for z in (-37.0, -8.0, -1.96, 0.0, 0.5, 6.0):
        yield case("normalCdf", [z], stats.norm.cdf(z), "stats.norm.cdf", V)
    for p in (1e-250, 1e-12, 1e-4, 0.025, 0.5, 0.999, 0.9999999):
        yield case("normalQuantile", [p], stats.norm.ppf(p), "stats.norm.ppf", V)
    for p, df in ((0.975, 3), (0.6, 1), (0.9995, 250.5)):
        yield case("tQuantile", [p, df], stats.t.ppf(p, df), "stats.t.ppf", V)
    for t, df in ((2.0, 3), (0.0, 10), (-9.5, 40), (30.0, 1000)):
        yield case("tTwoSidedPValue", [t, df], 2 * stats.t.sf(abs(t), df), "2 * stats.t.sf", V)
    for p, df in ((0.95, 1), (0.01, 9), (0.9999, 300)):
        yield case("chiSquaredQuantile", [p, df], stats.chi2.ppf(p, df), "stats.chi2.ppf", V)
    for x, df, nc in ((10, 4, 6), (30, 1, 12), (9, 20, 0), (500, 19, 450), (1e4, 3, 10150), (3, 2, 1e-3)):
        yield case("noncentralChiSquaredCdf", [x, df, nc], stats.ncx2.cdf(x, df, nc), "stats.ncx2.cdf", V)
    for p, a, b in ((0.025, 10, 2), (0.5, 0.5, 0.5), (0.975, 1, 400)):
        yield case("betaQuantile", [p, a, b], stats.beta.ppf(p, a, b), "stats.beta.ppf", V)
    for k, n, p in ((3, 10, 0.5), (0, 30, 0.1), (480, 1000, 0.5)):
        yield case("binomialCdf", [k, n, p], stats.binom.cdf(k, n, p), "stats.binom.cdf", V)
    for x, df in ((0.0, 3), (0.5, 1), (3.84, 1), (50.0, 60), (700.0, 9), (20.0, 7)):
        value = stats.chi2.logsf(x, df) / np.log(10)
        yield case("log10ChiSquaredSurvival", [x, df], value, "stats.chi2.logsf / ln 10", V)
    # Where scipy's tail underflows the even-df tail is a Poisson sum: ln P(X >= x) = ln Σ_{k<df/2} e^-x/2 (x/2)^k / k!
    half = 1500.0
    terms = [-half + k * np.log(half) - special.gammaln(k + 1) for k in range(4)]
    yield case("log10ChiSquaredSurvival", [2 * half, 8], special.logsumexp(terms) / np.log(10), "special.logsumexp of the Poisson terms", V)
    for z in (0.0, 1.96, 12.0, 45.0, 300.0):
        value = (np.log(2) + stats.norm.logsf(z)) / np.log(10)
        yield case("log10NormalTwoSided", [z], value, "(ln 2 + stats.norm.logsf) / ln 10", V)
    for x in (0.3, 0.8, 0.999, 1.0, 1.36, 4.0, 15.0):
        yield case("log10KolmogorovSurvival", [x], np.log10(special.kolmogorov(x)), "log10(special.kolmogorov)", V)
    for x in (1e-3, 0.5, 1.0, 2.5, 14.99, 15.0, 1e5):
        yield case("logGamma", [x], float(special.gammaln(x)), "special.gammaln", V, tolerance=1e-12)
