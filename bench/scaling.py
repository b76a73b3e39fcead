#!/usr/bin/python3
"""How time and memory grow with batch, chains and steps, from 1 to a million: bench/scaling/*.ebm at each power of ten.

    bench/scaling.py [langevin:items ..] [--ebm build/ebm] [--threads 1 2] [--most 6] [--table bench/scaling/figures.tsv] [--modest]

For each program and each of its axes: seconds of one step of its train (without the first, which plans and warms up), and the process's largest memory.
What was measured goes to the columns of that program, axis and number of threads; bench/scaling/plot.ebm draws the table.  At the end the exponent
over the last three decades: 1 is linear, below it something is still shared by all."""
import argparse, json, math, os, pathlib, subprocess, sys
import timing

HERE = pathlib.Path(__file__).resolve().parent
AXES = {                        # by program and axis: what else is set, powers of ten
    "langevin:items": ({"steps": 10}, 6), "langevin:steps": ({"items": 16}, 6),
    "training:items": ({}, 6), "training:length": ({"items": 16}, 5),
    "gibbs:items": ({"steps": 10}, 6), "gibbs:steps": ({"items": 16}, 6),
    "unroll:items": ({"steps": 10}, 6), "unroll:steps": ({"items": 16}, 6),
}


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("axes", nargs="*", metavar="program:axis", help=" ".join(AXES))
    timing.add_program(p)
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--most", type=int, default=6, help="the largest power of ten")
    p.add_argument("--table", default=str(HERE / "scaling" / "figures.tsv"))
    args = p.parse_args()
    if set(args.axes) - set(AXES):
        p.error("there are " + " ".join(AXES))
    args.axes = args.axes or list(AXES)
    return args


def run(args, program, threads, settings):
    """Seconds and steps of the train's first and last report, and the process's largest memory in MB."""
    command = [args.ebm, "run", str(HERE / "scaling" / f"{program}.ebm"), "--json", "--threads", str(threads), "--out", "/tmp/ebm-scaling"]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    events = [e for e in map(json.loads, child.stdout) if e["event"] in ("step", "end")]
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode or not events:
        sys.exit(f"scaling: {' '.join(command)} ended with status {child.returncode}")
    return events[0], events[-1], usage.ru_maxrss / 1024


def seconds_a_step(args, program, threads, settings):
    """Of a step long enough to see as it is, of shorter ones over some tenths of a second."""
    length, limit = 2, 0.4
    while True:
        first, last, memory = run(args, program, threads, dict(settings, length=length))
        steps, took = last["step"] - first["step"], last["seconds"] - first["seconds"]
        if steps and (took > limit / 2 or length >= 10**6):
            return took / steps, memory
        if last["seconds"] > 2 * limit and length == 2:
            return last["seconds"] / last["step"], memory
        length = int(length * min(50, max(2, 1.2 * limit / took if took > 0 else 50))) + 1


def point(args, program, axis, threads, size, fixed):
    if axis == "length":        # of a whole train, its start and planning included
        _, last, memory = run(args, program, threads, dict(fixed, length=size))
        return last["seconds"], memory
    return seconds_a_step(args, program, threads, dict(fixed, **{axis: size}))


def exponent(points):
    """Of seconds over the largest three decades, by least squares in logarithms."""
    chosen = [(math.log10(n), math.log10(s)) for n, s, _ in points[-4:]]
    x, y = (sum(c[k] for c in chosen) / len(chosen) for k in (0, 1))
    return sum((a - x) * (b - y) for a, b in chosen) / max(sum((a - x) ** 2 for a, _ in chosen), 1e-9)


def keep(table, name, threads, points):
    """A row for each power of ten, for each series a column of seconds and one of megabytes."""
    rows = [line.split("\t") for line in table.read_text().splitlines()] if table.exists() else [["size"]]
    columns = {column: [row[k] if k < len(row) else "" for row in rows[1:]] for k, column in enumerate(rows[0])}
    columns["size"] = [str(10**k) for k in range(7)]
    stem = name.replace(":", "_") + f"_{threads}"
    columns[stem + "_seconds"] = [f"{s:.4g}" for _, s, _ in points]
    columns[stem + "_megabytes"] = [f"{m:.1f}" for _, _, m in points]
    order = ["size"] + sorted(c for c in columns if c != "size")
    rows = [order] + [[columns[c][k] for c in order] for k in range(7)]
    table.write_text("".join("\t".join(row) + "\n" for row in rows))


def main():
    args = options()
    timing.check_program(args.ebm)
    print(f"{timing.go_first(args.modest)}, load {os.getloadavg()[0]:.1f}")
    for name in args.axes:
        program, axis = name.split(":")
        fixed, most = AXES[name]
        for threads in args.threads:
            points = []
            for power in range(min(most, args.most) + 1):
                seconds, memory = point(args, program, axis, threads, 10**power, fixed)
                points.append((10**power, seconds, memory))
                print(f"{program} {axis} 1e{power}, {threads} threads: {seconds:.3g} s, {seconds / 10**power * 1e6:.3g} us each, {memory:.0f} MB", flush=True)
            print(f"{program} {axis}, {threads} threads: exponent {exponent(points):.2f}")
            if len(points) == 7:
                keep(pathlib.Path(args.table), name, threads, points)


if __name__ == "__main__":
    main()
