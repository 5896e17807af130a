"""sliceline's search over the pairs of 20 columns: `slices_sliceline.py FOLDER`, which holds codes.bin (row by row, one byte each) and losses.bin."""

import sys
from pathlib import Path

import numpy as np
from sliceline.slicefinder import Slicefinder

from measured import measure

folder = Path(sys.argv[1])
losses = np.fromfile(folder / "losses.bin")
codes = np.fromfile(folder / "codes.bin", np.uint8).reshape(len(losses), -1)
measure(lambda: Slicefinder(alpha=0.95, k=10, max_l=2, min_sup=1000, verbose=False).fit(codes, losses))
