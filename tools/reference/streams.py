import numpy as np
import river
from river import drift
from river.drift import binary

from samples import case

V = f"river {river.__version__}"


def stream(seed, parts, unit, length=700):
    """Digits of values = digit * unit; one part per mean, 0..1."""
    rng = np.random.default_rng(seed)
    if unit == 1:
        digits = np.concatenate([rng.random(length) < rate for rate in parts]).astype(int)
    else:
        digits = np.concatenate([np.clip(np.round(9 * rng.beta(8 * m, 8 * (1 - m), length)), 0, 9) for m in parts]).astype(int)
    return {"digits": "".join(map(str, digits)), "unit": unit}, [int(d) * unit for d in digits]


STREAMS = {
    "sudden": (1, [0.1, 0.4], 1),
    "improving": (2, [0.5, 0.1], 1),
    "twice": (3, [0.2, 0.5, 0.8], 1),
    "steady": (4, [0.3, 0.3], 1),
    "all right": (5, [0.0, 0.0], 1),
    "from none": (6, [0.0, 0.3], 1),
    "all wrong": (7, [0.2, 1.0], 1),
    "to and fro": (8, [0.1, 0.5, 0.1, 0.5], 1),
}
GRADED = {
    "graded": (11, [0.2, 0.35, 0.5], 0.1),
    "graded fall": (12, [0.7, 0.3], 0.1),
}


def positions(detector, values):
    found = []
    for i, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(i)
    return found


def compared(function, rule, make, names):
    for name in names:
        arguments, values = stream(*{**STREAMS, **GRADED}[name])
        yield case(function, [rule, arguments], positions(make(), values), f"{function} on {name}", V)


def cases():
    both = {"alarmOn": "change"}
    every = [*STREAMS, *GRADED]
    yield from compared("AdwinDetector", both, lambda: drift.ADWIN(), every)
    yield from compared("AdwinDetector", {**both, "delta": 0.05, "clock": 1}, lambda: drift.ADWIN(delta=0.05, clock=1), every)
    yield from compared("DdmDetector", {}, lambda: binary.DDM(), STREAMS)
    yield from compared("DdmDetector", {"warmUp": 100, "driftAt": 2.5}, lambda: binary.DDM(warm_start=100, drift_threshold=2.5), ["sudden", "twice"])
    yield from compared("EddmDetector", {}, lambda: binary.EDDM(), STREAMS)
    yield from compared("EddmDetector", {"warningBelow": 0.8, "driftBelow": 0.75}, lambda: binary.EDDM(alpha=0.8, beta=0.75), STREAMS)
    yield from compared("HddmADetector", {}, lambda: binary.HDDMA(), every)
    yield from compared("HddmADetector", both, lambda: binary.HDDMA(two_sided_test=True), every)
    yield from compared("HddmWDetector", {}, lambda: binary.HDDMW(), every)
    yield from compared("HddmWDetector", both, lambda: binary.HDDMW(two_sided_test=True), every)
    ph = {"tolerance": 0.005, "threshold": 20, "fading": 0.9999}
    yield from compared("PageHinkleyDetector", ph, lambda: drift.PageHinkley(threshold=20, mode="up"), every)
    yield from compared("PageHinkleyDetector", {**ph, **both}, lambda: drift.PageHinkley(threshold=20), every)
    # With window = 2 * recent the draw takes every older value: nothing depends on the generator.
    ks = {"level": 0.001, "window": 60, "recent": 30, **both}
    yield from compared("KswinDetector", ks, lambda: drift.KSWIN(alpha=0.001, window_size=60, stat_size=30, seed=1), every)
