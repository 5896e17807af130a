import numpy as np
import sklearn
import statsmodels
import statsmodels.api as sm
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from samples import binary_samples, case, scored

V = f"scikit-learn {sklearn.__version__}"
S = f"statsmodels {statsmodels.__version__}"


def cases():
    for labels, scores in binary_samples():
        decisions = [int(s >= 0.5) for s in scores]
        yield case("rocAuc", [labels, scores], sk.roc_auc_score(labels, scores), "roc_auc_score", V)
        yield case("prAuc", [labels, scores], sk.average_precision_score(labels, scores), "average_precision_score", V)
        yield case("logLoss", [labels, scores], sk.log_loss(labels, scores), "log_loss", V)
        yield case("brierScoreLoss", [labels, scores], sk.brier_score_loss(labels, scores), "brier_score_loss", V)
        yield case("accuracyScore", [labels, scores, 0.5], sk.accuracy_score(labels, decisions), "accuracy_score", V)
        yield case("matthewsScore", [labels, scores, 0.5], sk.matthews_corrcoef(labels, decisions), "matthews_corrcoef", V)
        tn, fp, fn, tp = sk.confusion_matrix(labels, decisions, labels=[0, 1]).ravel()
        args = [labels, scores, 0.5]
        for path, value in (("trueNegatives", tn), ("falsePositives", fp), ("falseNegatives", fn), ("truePositives", tp)):
            yield case("confusionCounts", args, int(value), "confusion_matrix", V, path)
    yield case("logLoss", [[1, 0], [0.0, 1.0]], sk.log_loss([1, 0], [0.0, 1.0]), "log_loss", V)
    for seed in (11, 12, 13):
        labels, p = scored(seed, 150, 4, 1.5)
        x = np.log(np.array(p) / (1 - np.array(p)))
        fit = sm.Logit(labels, sm.add_constant(x)).fit(disp=0, tol=1e-14, maxiter=100)
        low, high = fit.conf_int()[1]
        for path, value in (("intercept", fit.params[0]), ("slope", fit.params[1]), ("slopeInterval.lower", low), ("slopeInterval.upper", high)):
            yield case("calibrationLine", [labels, p], float(value), "Logit.fit", S, path)
    for k, n, confidence in ((0, 10, 0.95), (10, 10, 0.9), (37, 90, 0.95), (1, 100000, 0.99)):
        low, high = proportion_confint(k, n, 1 - confidence, "wilson")
        yield case("wilsonInterval", [k, n, confidence], float(max(0, low)) if k else 0.0, "proportion_confint wilson", S, "lower")
        yield case("wilsonInterval", [k, n, confidence], float(high) if k < n else 1.0, "proportion_confint wilson", S, "upper")
