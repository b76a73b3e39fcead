#!/usr/bin/python3
"""How long ebm takes to start: `ebm run` of a two-line file and `ebm check` of every example.

    bench/start.py [--ebm build/ebm] [--runs 20]

Wall time and processor time in ms, medians and best.  The first is to stay under 50 ms, the others under 100 ms."""
import argparse, os, pathlib, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
TWO_LINES = "a = [1, 2, 3]\nprint sum(a^2)\n"


def timed(command):
    """(wall, processor time) of a command, in ms."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"start: {' '.join(command)} ended with status {child.returncode}")
    return wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"))
    p.add_argument("--runs", type=int, default=20)
    args = p.parse_args()
    if not os.access(args.ebm, os.X_OK):
        sys.exit(f"start: {args.ebm} is missing: make, or name the program with --ebm")
    with tempfile.TemporaryDirectory() as folder:
        two = pathlib.Path(folder) / "two.ebm"
        two.write_text(TWO_LINES)
        cases = [("run, two lines", [args.ebm, "run", str(two), "--out", folder])]
        cases += [("check " + f.name, [args.ebm, "check", str(f)]) for f in sorted((HERE.parent / "examples").glob("*.ebm"))]
        print(f"load {os.getloadavg()[0]:.1f}, {args.runs} runs each; ms{'':12}wall     best      cpu")
        for name, command in cases:
            runs = [timed(command) for _ in range(args.runs)]
            wall, cpu = zip(*runs)
            print(f"  {name:32}{statistics.median(wall):9.1f}{min(wall):9.1f}{statistics.median(cpu):9.1f}", flush=True)


if __name__ == "__main__":
    main()
