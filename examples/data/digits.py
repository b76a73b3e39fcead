#!/usr/bin/env python3
"""Makes digits.npy for paint.ebm: 1797 handwritten digits, 8 by 8 bytes.

Debian's package python3-sklearn holds them: the test part of the UCI set "Optical Recognition of Handwritten Digits", values 0 to 16.
"""
import gzip
import sys

import numpy

source, target = sys.argv[1:]
with gzip.open(source) as file:
    rows = numpy.loadtxt(file, delimiter=",")
numpy.save(target, (rows[:, :64].reshape(-1, 8, 8) * 255 / 16).astype("uint8"))
print(f"{target}: {len(rows)} digits")
