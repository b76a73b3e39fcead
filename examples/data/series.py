#!/usr/bin/env python3
"""Makes series.csv for series.ebm: five minutes of a real electrocardiogram, in millivolts, at 90 Hz.

Debian's package python3-scipy holds record 208 of the MIT-BIH Arrhythmia Database (360 Hz, 0.005 mV a step around 1024) as the data of
scipy.misc.electrocardiogram; here every four of its values become their mean.
"""
import sys

import numpy

source, target = sys.argv[1:]
with numpy.load(source) as file:
    volts = (file["ecg"].astype(int) - 1024) / 200
slow = volts[:len(volts) // 4 * 4].reshape(-1, 4).mean(axis=1)
with open(target, "w", encoding="utf-8") as file:
    file.write("value\n")
    file.writelines(f"{value:.5f}\n" for value in slow)
print(f"{target}: {len(slow)} values")
