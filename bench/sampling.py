#!/usr/bin/python3
"""Spins drawn a second by Gibbs sampling, and the time of Langevin sampling, by ebm and by what a user would write in numpy and PyTorch.

    bench/sampling.py [--ebm build/ebm] [--threads 1] [--rounds 3] [--peers numpy torch]

Spins: the Ising model on tori of three sizes, many chains, a checkerboard of two colors.  Langevin: the double well 2 sum (x^2 - 1)^2 in the sizes of
torchebm's published benchmark.  Each side runs in turn, in every round; shown are medians, by wall time and by processor time (which is the steadier
one on a busy machine; of several threads it is the sum).  What starts and plans is not counted: ebm's figures are differences of two runs that differ
in length alone, the peers time themselves after warming up."""
import argparse, json, os, pathlib, statistics, subprocess, sys, tempfile

import timing

PYTHON = os.environ.get("TORCH_PYTHON", "/usr/bin/python3")
SPINS = """seed 1
energy E(s: {{-1,1}}[{side}, {side}]) = -0.4 * (sum[i,j] s[i,j] * s[(i+1) mod {side}, j] + sum[i,j] s[i,j] * s[i, (j+1) mod {side}])
start ~ spins([{chains}, {side}, {side}])
end = sample s of E(s) by gibbs(sweeps = {passes}) from start
print mean(end)
"""
LANGEVIN = """seed 1
energy E(x: [{side}]) = 2 * sum((x^2 - 1)^2)
start ~ normal([{chains}, {side}])
end = sample x of E(x) by langevin(steps = {passes}, step = 0.01) from start
print mean(end)
"""
# what, name, side, chains, passes of a block
CASES = [("spins", "4 x 4", 4, 4096, 2000), ("spins", "32 x 32", 32, 256, 500), ("spins", "128 x 128", 128, 16, 500),
         ("langevin", "small", 8, 64, 50), ("langevin", "medium", 32, 256, 100), ("langevin", "large", 128, 1024, 200)]


def by_ebm(args, folder, what, side, chains, passes):
    """(wall, processor time) of the passes."""
    times = 1 if what == "spins" else max(1, 20_000_000 // (side * chains * passes))    # long enough to be timed
    commands = []
    for name, n in (("few", passes), ("many", passes * (1 + times))):
        file = pathlib.Path(folder) / f"{name}.ebm"
        file.write_text((SPINS if what == "spins" else LANGEVIN).format(side=side, chains=chains, passes=n))
        commands.append([args.ebm, "run", str(file), "--out", folder, "--threads", str(args.threads)])
    return [t / times for t in timing.between(*commands)]


def by_peer(args, peer, what, side, chains, passes):
    command = [PYTHON, "-W", "ignore", str(timing.HERE / "sampling_peers.py"), peer, what, *map(str, (side, chains, passes, args.threads))]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    timing.add_program(p)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--peers", nargs="*", default=["numpy", "torch"], choices=["numpy", "torch", "eager"], help="eager: Langevin by autograd, as people write it")
    p.add_argument("--only", choices=["spins", "langevin"])
    args = p.parse_args()
    timing.check_program(args.ebm)
    print(f"{timing.go_first(args.modest)}, load {os.getloadavg()[0]:.1f}, {args.threads} threads, {args.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        for what, name, side, chains, passes in CASES:
            if args.only not in (None, what):
                continue
            peers = [x for x in args.peers if not (x == "eager" and what == "spins")]
            took = {side_name: [] for side_name in ["ebm"] + peers}
            for _ in range(args.rounds):
                for who in took:
                    took[who].append(by_ebm(args, folder, what, side, chains, passes) if who == "ebm" else by_peer(args, who, what, side, chains, passes))
            for who, blocks in took.items():
                wall, cpu = (statistics.median(b[i] for b in blocks) for i in (0, 1))
                if what == "spins":
                    count = side * side * chains * passes / 1e6
                    line = f"{count / wall:9.1f} {count / cpu:9.1f}   million spins a second: wall, cpu"
                else:
                    line = f"{wall * 1e3:9.2f} {cpu * 1e3:9.2f}   ms for {passes} steps: wall, cpu"
                print(f"  {what:8} {name:10} {chains:5} chains  {who:6} {line}", flush=True)


if __name__ == "__main__":
    main()
