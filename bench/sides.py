"""The two sides of bench/run.py: a workload run by ebm, and by PyTorch (bench/peers.py).  Each has a name, the largest memory so far in MB, the seconds from
the start of its process to the end of its first step, and `block`, which runs some steps and tells the ms of a unit."""
import json, os, pathlib, signal, statistics, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = os.environ.get("TORCH_PYTHON", "/usr/bin/python3")
STARTS = 3                                                   # of ebm: the first may find its file and the data out of the caches


class Ebm:
    """A run for each block; its first step, with the planning and cold caches, is not timed."""

    def __init__(self, ebm, workload, units, threads, seconds, out, math="own"):
        self.name, self.units, self.memory = "ebm" if math == "own" else "ebm, " + math, units, 0
        self.command = [ebm, "run", str(HERE / "workloads" / f"{workload}.ebm"), "--json", "--threads", str(threads), "--math", math, "--out", out, "--set"]
        self.start = statistics.median(self.run(1)[-1]["wall"] for _ in range(STARTS))
        self.steps = 4
        while True:                                          # a block that lasts long enough
            took = self.block()["ms"] * self.units * self.steps / 1e3
            if took >= seconds:
                return
            self.steps = max(2 * self.steps, int(min(50, 1.2 * seconds / max(took, 1e-3)) * self.steps)) if took < seconds / 4 else int(1.3 * seconds / took * self.steps) + 1

    def run(self, length):
        """The reports of steps; the last one has the time of the whole process in "wall"."""
        began = time.perf_counter()
        child = subprocess.Popen(self.command + [f"length={length}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        events = [json.loads(line) for line in child.stdout]
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"run: {' '.join(child.args)} ended with status {child.returncode}")
        self.memory = max(self.memory, usage.ru_maxrss / 1024)
        steps = [e for e in events if e["event"] in ("step", "end")]
        steps[-1]["wall"] = time.perf_counter() - began
        return steps

    def block(self):
        steps = self.run(self.steps)
        first, last = steps[0], steps[-1]
        if len(steps) < 2 or last["step"] - first["step"] < self.steps // 3:
            first = {"seconds": 0, "step": 0}                # a block too short for a look in between
        return {"ms": (last["seconds"] - first["seconds"]) / (last["step"] - first["step"]) * 1e3 / self.units}

    def close(self):
        pass


class Torch:
    """One process that stays, so that its start and its warming up are not timed.  It is halted while others have their turn, as its
    threads spin."""

    def __init__(self, workload, units, mode, threads, seconds):
        self.name = mode
        ask = [PYTHON, "-W", "ignore", str(HERE / "peers.py"), workload, "--mode", mode, "--threads", str(threads), "--steps"]
        probe = json.loads(subprocess.run(ask + ["3"], stdout=subprocess.PIPE, text=True, check=True).stdout)
        steps = max(3 if units == 1 else 1, int(seconds * 1e3 / (probe["ms"] * units)))
        self.memory = probe["memory_mb"]
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
