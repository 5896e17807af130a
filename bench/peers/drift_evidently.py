"""Evidently's report of drift of two Parquet files, from reading to the verdict on every column: `drift_evidently.py BEFORE NOW`."""

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from measured import measure


def report():
    before, now = (pd.read_parquet(path) for path in sys.argv[1:3])
    columns = DataDefinition(
        numerical_columns=[name for name in before if name.startswith("x")],
        categorical_columns=[name for name in before if name.startswith("c")],
    )
    of = lambda frame: Dataset.from_pandas(frame, data_definition=columns)
    return Report([DataDriftPreset()]).run(of(now), of(before)).dict()


def drifted(result):
    """Columns whose value passes the threshold on the side that its method calls drift (a p-value falls below, a distance lies above)."""
    names = []
    for metric in result["metrics"]:
        config = metric["config"]
        if not config["type"].endswith("ValueDrift"):
            continue
        low = "p_value" in config["method"]
        value, threshold = metric["value"], config["threshold"]
        if value < threshold if low else value >= threshold:
            names.append(config["column"])
    return {"drifted": names}


measure(report, found=drifted)
