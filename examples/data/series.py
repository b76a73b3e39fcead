#!/usr/bin/env python3
"""Makes series.csv for series.ebm: five minutes of a real electrocardiogram, in millivolts, 360 values a second.

Debian's package python3-scipy holds record 208 of the MIT-BIH Arrhythmia Database (0.005 mV a step around 1024) as the data of
scipy.misc.electrocardiogram.
"""
import sys

import numpy

source, target = sys.argv[1:]
with numpy.load(source) as file:
    volts = (file["ecg"].astype(int) - 1024) / 200
with open(target, "w", encoding="utf-8") as file:
    file.write("value\n")
    file.writelines(f"{value:.3f}\n" for value in volts)
print(f"{target}: {len(volts)} values")
