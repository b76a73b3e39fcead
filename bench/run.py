#!/usr/bin/python3
"""Steps of the workloads by ebm and by PyTorch, side by side in one run.

    bench/run.py [w1 w2 ..] [--ebm build/ebm] [--pairs 5] [--threads 1 2] [--modes hand fx eager] [--seconds 1] [--first]

In every round each side runs a block of steps of about --seconds, one after another, in an order that turns from round to round; what else
the machine does meanwhile falls on all alike.  Given are medians over the rounds of the time of a unit (a training step; of W1 a Langevin step), the
median of the rounds' ratios, the share of the bound, the largest memory and the time from the start of the process to the end of the first step.  --first: with the
scheduler's precedence over other sessions (as root), which makes a shared machine quiet for its time.

The bound: flops of the products at the rate of our own product kernel in cache, plus bytes of parameters, gradients and moments at the rate of
memory, both as `ebm run --profile` measures them, on all threads."""
import argparse, json, math, os, pathlib, re, signal, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = os.environ.get("TORCH_PYTHON", "/usr/bin/python3")


def mlp(rows, *widths):
    return sum(2 * rows * a * b for a, b in zip(widths, widths[1:]))


def work():
    """By workload: flops of the products of a unit, bytes of what an optimizer and averages read and write, modes of PyTorch, units of a step."""
    plane = mlp(256, 2, 128, 128, 1)
    conv = 64 * 2 * (196 * 32 * 9 + 49 * 64 * 288 + 16 * 128 * 576 + 2048)
    dense = 784 * 512 + 512 * 256 + 256 * 512 + 512 * 512
    token = 4 * 128 * 128 + 2 * 128 * 512                    # of a block of a transformer, without its attention
    blocks = sum(n * tokens * (token + 2 * tokens * 128) for n, tokens in ((4, 49), (4 * 3, 25), (2 * 3, 41)))
    ends = (49 + 2 * 25) * 16 * 128 + 3 * (25 + 16) * 128 * 128
    return {
        "w1": (2 * plane, 0, ["hand", "fx"], 1000),
        "w2": (60 * 2 * plane + 2 * 3 * plane, 17153 * 28, ["hand", "fx"], 1),
        "w3": (2 * 2 * plane * 3, 17153 * 28, ["fx", "eager"], 1),
        "w5": (5 * 2 * 128 * 784 * 500, 4 * 392000 * 4, ["eager"], 1),
        "w6": (20 * 2 * conv + 2 * 3 * conv, 94913 * 28, ["eager"], 1),
        "w7": (2 * 512 * (3 * dense - 784 * 512) + 2 * 2 * 256 * 512 * 512 * 2, dense * 28, ["fx", "eager"], 1),
        "w9": (2 * 64 * (blocks + ends), (6 * 12 * 128 * 128) * 28 + (4 * 12 * 128 * 128) * 8, ["eager", "fx"], 1),
    }


WORK = work()


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("workloads", nargs="*", default=[], metavar="w1")
    p.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"), help="the program to time")
    p.add_argument("--pairs", type=int, default=5, help="rounds")
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--modes", nargs="+", choices=["hand", "fx", "eager"], help="of peers.py; those named in this file unless given")
    p.add_argument("--no-blas", action="store_true", help="without ebm's products by OpenBLAS")
    p.add_argument("--seconds", type=float, default=1, help="of a block")
    p.add_argument("--first", action="store_true", help="go before the machine's other sessions")
    p.add_argument("--json", metavar="FILE", help="write every block's figures there, too")
    args = p.parse_args()
    args.workloads = args.workloads or sorted(WORK)
    if set(args.workloads) - set(WORK):
        p.error("there are the workloads " + " ".join(WORK))
    return args


def go_first():
    """Starts itself again in a session of its own that has precedence."""
    if os.environ.get("BENCH_GOES_FIRST"):
        return
    os.environ["BENCH_GOES_FIRST"] = "1"
    os.execvp("setsid", ["setsid", "-w", "sh", "-c", 'echo -19 > /proc/self/autogroup 2>/dev/null; exec "$@"', "sh", sys.executable] + sys.argv)


class Ebm:
    """A run for each block; its first step, with the planning and cold caches, is not timed."""

    def __init__(self, args, workload, threads, out, math="own"):
        self.name, self.units = "ebm" if math == "own" else "ebm, " + math, WORK[workload][3]
        self.command = [args.ebm, "run", str(HERE / "workloads" / f"{workload}.ebm"), "--json", "--threads", str(threads), "--math", math,
                        "--out", out, "--set"]
        began = time.perf_counter()
        _, self.idle, self.memory = self.run(1)
        self.start = time.perf_counter() - began
        self.steps = 20
        while True:                                          # a block that lasts long enough
            took = self.block()["ms"] * self.units * self.steps / 1e3
            if took >= args.seconds:
                return
            self.steps = max(2 * self.steps, int(1.2 * args.seconds / max(took, 1e-3) * self.steps)) if took < args.seconds / 4 else int(1.3 * args.seconds / took * self.steps) + 1

    def run(self, length):
        child = subprocess.Popen(self.command + [f"length={length}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        events = [json.loads(line) for line in child.stdout]
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"run: {' '.join(self.command)} ended with status {child.returncode}")
        return [e for e in events if e["event"] in ("step", "end")], usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def block(self):
        steps, cpu, self.memory = self.run(self.steps)
        first, last = steps[0], steps[-1]
        if len(steps) < 2 or last["step"] - first["step"] < self.steps // 3:
            first = {"seconds": 0, "step": 0}                # a block too short for a look in between
        return {"ms": (last["seconds"] - first["seconds"]) / (last["step"] - first["step"]) * 1e3 / self.units,
                "cpu_ms": (cpu - self.idle) / (self.steps - 1) * 1e3 / self.units}

    def close(self):
        pass


class Torch:
    """One process that stays, so that its start and its warming up are not timed.  It is halted while others have their turn, as its
    threads spin."""

    def __init__(self, workload, mode, threads, seconds):
        self.name = mode
        ask = [PYTHON, "-W", "ignore", str(HERE / "peers.py"), workload, "--mode", mode, "--threads", str(threads), "--steps"]
        probe = json.loads(subprocess.run(ask + ["3"], stdout=subprocess.PIPE, text=True, check=True).stdout)
        steps = max(3, int(seconds * 1e3 / (probe["ms"] * WORK[workload][3])))
        self.child = subprocess.Popen(ask + [str(steps), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.start = json.loads(self.child.stdout.readline())["start_s"]
        self.child.send_signal(signal.SIGSTOP)

    def block(self):
        self.child.send_signal(signal.SIGCONT)
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        line = json.loads(self.child.stdout.readline())
        self.child.send_signal(signal.SIGSTOP)
        self.memory = line["memory_mb"]
        return line

    def close(self):
        self.child.send_signal(signal.SIGCONT)
        self.child.stdin.close()
        self.child.wait()


def measure(sides, rounds):
    """The blocks of each side, by its name, in order of the rounds."""
    blocks = {side.name: [] for side in sides}
    for i in range(rounds):
        for side in sides[i % len(sides):] + sides[:i % len(sides)]:
            blocks[side.name].append(side.block())
    return blocks


def median(blocks, key="ms"):
    return statistics.median(b[key] for b in blocks)


def spread(blocks):
    """Half the distance of the quartiles, as a part of the median."""
    values = [b["ms"] for b in blocks]
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / statistics.median(values)


def rates(ebm, folder):
    """Flops of products and bytes beyond the caches, a second, of one thread."""
    text = pathlib.Path(folder) / "rates.ebm"
    text.write_text("x ~ normal([4])\nprint sum(x^2)\n")
    told = subprocess.run([ebm, "run", str(text), "--profile", "--out", folder], stdout=subprocess.PIPE, text=True, check=True).stdout
    product, _, far = (float(n) * 1e9 for n in re.search(r"at best: (\d+) Gflop/s in products, (\d+) GB/s in the second cache, (\d+) GB/s", told).groups())
    return product, far


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def row(workload, threads, sides, blocks, product, far):
    flops, moved = WORK[workload][:2]
    ours, bound = blocks["ebm"], (flops / product + moved / far) / threads * 1e3
    best = min((n for n in blocks if not n.startswith("ebm")), key=lambda n: median(blocks[n]))
    ratio = statistics.median(t["ms"] / o["ms"] for t, o in zip(blocks[best], ours))
    memory = {s.name: s.memory for s in sides}
    start = {s.name: s.start for s in sides}
    others = ", ".join(f"{n} {median(b):.3g}" for n, b in blocks.items() if n not in ("ebm", best))
    print(f"| {workload} | {threads} | {median(ours):.3g} | {spread(ours):.0%} | {median(blocks[best]):.3g} | {best} | {ratio:.2f} | {bound:.3g} | {bound / median(ours):.0%} "
          f"| {memory['ebm']:.0f} / {memory[best]:.0f} | {start['ebm']:.2f} / {start[best]:.2f} | {others} |", flush=True)
    return median(ours), median(blocks[best]), ratio


def main():
    args = options()
    if subprocess.run([PYTHON, "-c", "import torch, functorch"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"run: {PYTHON} has no torch: apt-get install python3-torch (or name another Python in TORCH_PYTHON)")
    if not os.access(args.ebm, os.X_OK):
        sys.exit(f"run: {args.ebm} is missing: make, or name the program with --ebm")
    if args.first:
        go_first()
    everything, against_best, gain = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        product, far = rates(args.ebm, folder)
        print(f"{processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {args.pairs} rounds; a thread: {product * 1e-9:.0f} Gflop/s in products, "
              f"{far * 1e-9:.0f} GB/s of memory\n")
        print("| | threads | ebm ms | spread | PyTorch ms | mode | ratio | bound ms | share | MB, ebm / PyTorch | first step s | others ms |")
        print("|---" * 12 + "|")
        for workload in args.workloads:
            times = {}
            for threads in args.threads:
                sides = [Ebm(args, workload, threads, folder)]
                sides += [Torch(workload, mode, threads, args.seconds) for mode in args.modes or WORK[workload][2]]
                if not args.no_blas:
                    sides.append(Ebm(args, workload, threads, folder, "blas"))
                blocks = measure(sides, args.pairs)
                for side in sides:
                    side.close()
                times[threads] = row(workload, threads, sides, blocks, product, far)
                everything[f"{workload} {threads}"] = blocks
            best_torch = min(t for _, t, _ in times.values())
            against_best[workload] = best_torch / min(o for o, _, _ in times.values())
            if 1 in times and 2 in times:
                gain[workload] = times[1][0] / times[2][0]
    mean = math.exp(statistics.mean(math.log(r) for r in against_best.values()))
    print("\nebm at its best against PyTorch at its best, on any of these threads: " + ", ".join(f"{w} {r:.2f}" for w, r in against_best.items()) +
          f"; geometric mean {mean:.2f}")
    if gain:
        print("two threads over one, ebm: " + ", ".join(f"{w} {g:.2f}" for w, g in gain.items()))
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
