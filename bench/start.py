#!/usr/bin/python3
"""How long ebm takes to start: `ebm run` of a two-line file and `ebm check` of every example.

    bench/start.py [--ebm build/ebm] [--runs 20]

Wall time and processor time in ms, medians and best.  The first is to stay under 50 ms, the others under 100 ms."""
import argparse, os, pathlib, statistics, subprocess, tempfile

import timing

TWO_LINES = "a = [1, 2, 3]\nprint sum(a^2)\n"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    timing.add_program(p)
    p.add_argument("--runs", type=int, default=20)
    args = p.parse_args()
    timing.check_program(args.ebm)
    with tempfile.TemporaryDirectory() as folder:
        two = pathlib.Path(folder) / "two.ebm"
        two.write_text(TWO_LINES)
        cases = [("run, two lines", [args.ebm, "run", str(two), "--out", folder])]
        cases += [("check " + f.name, [args.ebm, "check", str(f)]) for f in sorted((timing.HERE.parent / "examples").glob("*.ebm"))]
        print(f"{timing.go_first(args.modest)}, load {os.getloadavg()[0]:.1f}, {args.runs} runs each; ms{'':12}wall     best      cpu")
        for name, command in cases:
            runs = [timing.timed(command, absent=3, stderr=subprocess.DEVNULL) for _ in range(args.runs)]
            if None in runs:
                print(f"  {name:32} left out: its data are missing (make demo-data)", flush=True)
                continue
            wall, cpu = zip(*[[1e3 * t for t in run] for run in runs])
            print(f"  {name:32}{statistics.median(wall):9.1f}{min(wall):9.1f}{statistics.median(cpu):9.1f}", flush=True)


if __name__ == "__main__":
    main()
