"""Writes libs/statistics/testing/reference/*.json; see README.md beside this file."""

from pathlib import Path

import json
import math

import agreement
import canary
import clusters
import comparisons
import definitions
import distributions
import drift
import evaluation
import forecasts
import labels
import metrics
import monitoring
import multivariate
import quantiles
import streams

TARGET = Path(__file__).resolve().parents[2] / "libs" / "statistics" / "testing" / "reference"


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for topic in (
        agreement,
        canary,
        clusters,
        comparisons,
        definitions,
        distributions,
        drift,
        evaluation,
        forecasts,
        labels,
        metrics,
        monitoring,
        multivariate,
        quantiles,
        streams,
    ):
        cases = list(topic.cases())
        for case in cases:
            if isinstance(case["value"], float) and not math.isfinite(case["value"]):
                raise ValueError(f"not finite: {case}")
        path = TARGET / f"{topic.__name__}.json"
        path.write_text(json.dumps(cases, indent=1, allow_nan=False) + "\n")
        print(f"{len(cases):4d} cases  {path.name}")


if __name__ == "__main__":
    main()
