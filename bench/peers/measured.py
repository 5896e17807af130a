"""What a task costs its process: prints one line of JSON."""

import json
import resource
import time


def measure(run, rounds=1, factor=1, found=lambda result: {}, **more):
    """Least CPU and wall time of the rounds, times `factor`, and the peak memory of the process with everything it imported; `found`
    tells what came out."""
    cpu = wall = float("inf")
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        result = run()
        wall = min(wall, time.perf_counter() - began)
        cpu = min(cpu, time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpuMs": cpu * 1000 * factor, "wallMs": wall * 1000 * factor, "peakMiB": peak, **more, **found(result)}))
