#!/usr/bin/env python3
"""Trains scikit-learn's histogram gradient boosting for Rondo and writes it as ONNX (contract rondo.trainer/v1).

The last argument is the path of a job file. Exit codes: 0 done, 64 the contract is another one, 65 the data or the
parameters are wrong (running again cannot help), 75 try again, anything else failed.
"""

import json
import os
import sys
import time

EXIT_CONTRACT = 64
EXIT_DATA = 65
DEFAULTS = {"rounds": 150, "learningRate": 0.1, "maxLeaves": 31, "minRowsInLeaf": 50, "l2": 0.0}


class Refused(Exception):
    """The data or the parameters are wrong."""


def say(stage, progress):
    """One JSON line per step: Rondo shows it and takes it as a sign of life."""
    print(json.dumps({"type": "progress", "stage": stage, "progress": progress}), flush=True)


def read_params(given):
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise Refused(f"unknown parameters {', '.join(unknown)}; known are {', '.join(DEFAULTS)}")
    return {**DEFAULTS, **given}


def read_part(path, features, target):
    import numpy
    import pyarrow.parquet

    columns = pyarrow.parquet.read_schema(path).names
    missing = [name for name in [*features, target] if name not in columns]
    if missing:
        raise Refused(f"{path} has no column {', '.join(missing)}")
    table = pyarrow.parquet.read_table(path, columns=[*features, target])
    rows = numpy.column_stack([table[name].to_numpy().astype("float32") for name in features])
    labels = table[target].to_numpy()
    if not numpy.isin(labels, (0, 1)).all():
        raise Refused(f"{target} holds other values than 0 and 1")
    if len(numpy.unique(labels)) < 2:
        raise Refused(f"{target} holds one class only")
    return rows, labels.astype("int64")


def write_file(path, content):
    """Writes beside the target and renames, so that nobody ever sees half a file."""
    with open(path + ".part", "wb") as file:
        file.write(content)
    os.replace(path + ".part", path)


def train(job):
    started = time.monotonic()
    params = read_params(job["params"])
    say("import", 0.0)
    from skl2onnx import to_onnx
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import log_loss, roc_auc_score

    say("load", 0.2)
    features = [feature["name"] for feature in job["schema"]["features"]]
    target = job["schema"]["target"]["name"]
    rows, labels = read_part(job["data"]["train"], features, target)
    validation_rows, validation_labels = read_part(job["data"]["validation"], features, target)

    say("fit", 0.3)
    model = HistGradientBoostingClassifier(
        max_iter=params["rounds"],
        learning_rate=params["learningRate"],
        max_leaf_nodes=params["maxLeaves"],
        min_samples_leaf=params["minRowsInLeaf"],
        l2_regularization=params["l2"],
        early_stopping=False,
        random_state=job["seed"],
    ).fit(rows, labels)

    say("convert", 0.8)
    # zipmap would turn the probabilities into a list of dictionaries, which is no tensor.
    onnx = to_onnx(model, rows[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3})
    scores = model.predict_proba(validation_rows)[:, 1]
    metrics = {
        "logLoss": float(log_loss(validation_labels, scores)),
        "rocAuc": float(roc_auc_score(validation_labels, scores)),
        "seconds": time.monotonic() - started,
    }
    output = job["outputDir"]
    write_file(os.path.join(output, "metrics.json"), json.dumps({"metrics": metrics}).encode())
    write_file(os.path.join(output, "model.onnx"), onnx.SerializeToString())
    say("done", 1.0)


def main():
    with open(sys.argv[-1], encoding="utf-8") as file:
        job = json.load(file)
    if job.get("contract") != "rondo.trainer/v1" or job.get("task") != "BinaryClassification":
        print(f"this trainer keeps rondo.trainer/v1 for binary classification, not {job.get('contract')}", file=sys.stderr)
        return EXIT_CONTRACT
    try:
        train(job)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return EXIT_DATA
    return 0


if __name__ == "__main__":
    sys.exit(main())
