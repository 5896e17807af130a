"""whylogs' profiles of two Parquet files and the drift score of every column: `drift_whylogs.py BEFORE NOW`."""

import sys

import pandas as pd
import whylogs as why
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

from measured import measure


def scores():
    before, now = (why.log(pd.read_parquet(path)).view() for path in sys.argv[1:3])
    return calculate_drift_scores(target_view=now, reference_view=before, with_thresholds=True)


measure(scores, found=lambda result: {"drifted": [name for name, score in result.items() if score and score["drift_category"] == "DRIFT"]})
