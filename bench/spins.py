#!/usr/bin/python3
"""How many spins a second Gibbs sampling draws: the Ising model on a torus, many chains.

    bench/spins.py [--ebm build/ebm] [--threads 1]

Two runs that differ in the number of sweeps alone; the difference is the sampling.  Millions of spins a second, by wall and by processor time."""
import argparse, os, pathlib, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = """seed 1
energy E(s: {{-1,1}}[{side}, {side}]) = -0.4 * (sum[i,j] s[i,j] * s[(i+1) mod {side}, j] + sum[i,j] s[i,j] * s[i, (j+1) mod {side}])
start ~ spins([{chains}, {side}, {side}])
end = sample s of E(s) by gibbs(sweeps = {sweeps}) from start
print mean(end)
"""


def timed(command):
    """(wall, processor time) of a command, in seconds."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"spins: {' '.join(command)} ended with status {child.returncode}")
    return wall, usage.ru_utime + usage.ru_stime


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"))
    p.add_argument("--threads", type=int, default=1)
    args = p.parse_args()
    if not os.access(args.ebm, os.X_OK):
        sys.exit(f"spins: {args.ebm} is missing: make, or name the program with --ebm")
    print(f"load {os.getloadavg()[0]:.1f}, {args.threads} threads; million spins a second     wall      cpu")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "spins.ebm"
        for side, chains, few, many in ((4, 4096, 200, 2200), (32, 256, 50, 550), (128, 16, 50, 550)):
            took = []
            for sweeps in (few, many):
                file.write_text(PROGRAM.format(side=side, chains=chains, sweeps=sweeps))
                took.append(timed([args.ebm, "run", str(file), "--out", folder, "--threads", str(args.threads)]))
            spins = side * side * chains * (many - few) / 1e6
            print(f"{side:4} x {side:<4} {chains:6} chains {'':22}{spins / (took[1][0] - took[0][0]):9.1f}{spins / (took[1][1] - took[0][1]):9.1f}")


main()
