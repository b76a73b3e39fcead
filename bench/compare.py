#!/usr/bin/python3
"""One training step of examples/moons.ebm by ebm and by PyTorch, side by side in one run.

    bench/compare.py [--ebm build/ebm] [--pairs 7] [--steps 100] [--threads 1 2] [--modes hand fxloop]

In every round each side runs a block of steps, one after another, in an order that turns from round to round; what else the
machine does meanwhile falls on all alike.  Given are medians over the rounds, of wall time and of processor time (all threads added
up), and the median of the rounds' ratios.  Needs Debian's python3-torch, which `make setup` does not install."""
import argparse, json, os, pathlib, signal, statistics, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = os.environ.get("TORCH_PYTHON", "/usr/bin/python3")


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"), help="the program to time")
    p.add_argument("--pairs", type=int, default=7, help="rounds")
    p.add_argument("--steps", type=int, default=100, help="steps of a block")
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--modes", nargs="+", default=["hand", "fxloop"], choices=["hand", "fxloop", "eager"], help="of moons_torch.py")
    p.add_argument("--json", metavar="FILE", help="write every block's figures there, too")
    return p.parse_args()


def training_only():
    """examples/moons.ebm up to the end of its train, with its length as an option."""
    lines = (HERE.parent / "examples" / "moons.ebm").read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("train "))
    end = lines.index("}", begin)
    text = "\n".join(lines[:end + 1])
    if text.count("until 5000 steps") != 1:
        sys.exit("compare: examples/moons.ebm does not say `until 5000 steps` any more; change this script with it")
    return "option length = 5000 steps\n" + text.replace("until 5000 steps", "until length") + "\n"


class Ebm:
    """A run for each block; its first tenth of a second, with the planning and cold caches, is not timed."""
    name = "ebm"

    def __init__(self, program, text, threads, steps, out):
        self.command = [program, "run", text, "--json", "--threads", str(threads), "--out", out, "--set"]
        self.steps = steps
        self.idle = self.run(1)[1]                           # processor time of a run of one step

    def run(self, length):
        child = subprocess.Popen(self.command + [f"length={length}"], stdout=subprocess.PIPE, text=True)
        events = [json.loads(line) for line in child.stdout]
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"compare: {' '.join(self.command)} ended with status {child.returncode}")
        return events, usage.ru_utime + usage.ru_stime

    def block(self):
        events, cpu = self.run(self.steps)
        steps = [e for e in events if e["event"] in ("step", "end")]
        first, last = steps[0], steps[-1]
        if last["step"] - first["step"] < self.steps // 2:
            sys.exit("compare: the block is too short to be timed: give more --steps")
        return {"ms": (last["seconds"] - first["seconds"]) / (last["step"] - first["step"]) * 1e3,
                "cpu_ms": (cpu - self.idle) / (self.steps - 1) * 1e3, "loss": last["values"]["loss"]}

    def close(self):
        pass


class Torch:
    """One process that stays, so that its start (about two seconds) and its warming up are not timed.  It is halted while others have
    their turn, as its threads spin."""

    def __init__(self, mode, threads, steps):
        self.name = "torch " + mode
        command = [PYTHON, "-W", "ignore", str(HERE / "moons_torch.py"), "--serve", "--mode", mode, "--threads", str(threads), "--steps", str(steps)]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline().strip() != "ready":
            sys.exit("compare: moons_torch.py did not start")
        self.child.send_signal(signal.SIGSTOP)

    def block(self):
        self.child.send_signal(signal.SIGCONT)
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        self.child.send_signal(signal.SIGSTOP)
        return json.loads(line)

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


def spread(values):
    """Half the distance of the quartiles, as a part of the median."""
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / statistics.median(values)


def table(threads, blocks):
    ours = blocks["ebm"]
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, {len(ours)} rounds"
          f"{'':12}wall ms     best   spread   cpu ms   spread   torch/ebm: wall    cpu")
    for name, theirs in blocks.items():
        wall, cpu = [b["ms"] for b in theirs], [b["cpu_ms"] for b in theirs]
        line = (f"  {name:24}{statistics.median(wall):14.2f} {min(wall):8.2f} {spread(wall):7.0%} "
                f"{statistics.median(cpu):9.2f} {spread(cpu):7.0%}")
        if theirs is not ours:
            of_wall = statistics.median(t["ms"] / o["ms"] for t, o in zip(theirs, ours))
            of_cpu = statistics.median(t["cpu_ms"] / o["cpu_ms"] for t, o in zip(theirs, ours))
            line += f"{of_wall:19.2f} {of_cpu:6.2f}"
        print(line, flush=True)


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def main():
    args = options()
    if subprocess.run([PYTHON, "-c", "import torch, functorch"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"compare: {PYTHON} has no torch: apt-get install python3-torch (or name another Python in TORCH_PYTHON)")
    if not os.access(args.ebm, os.X_OK):
        sys.exit(f"compare: {args.ebm} is missing: make, or name the program with --ebm")
    print(f"{processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; blocks of {args.steps} steps")
    everything = {}
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "moons.ebm")
        pathlib.Path(text).write_text(training_only())
        for threads in args.threads:
            sides = [Ebm(args.ebm, text, threads, args.steps, folder)] + [Torch(mode, threads, args.steps) for mode in args.modes]
            blocks = measure(sides, args.pairs)
            for side in sides:
                side.close()
            table(threads, blocks)
            everything[threads] = blocks
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
