#!/usr/bin/python3
"""Steps of the workloads by ebm and by PyTorch, side by side in one run.

    bench/run.py [w1 w2 ..] [--ebm build/ebm] [--pairs 5] [--threads 1 2] [--modes hand fx eager] [--seconds 1] [--json FILE] [--show] [--modest]

In every round each side runs a block of steps of about --seconds, one after another, in an order that turns from round to round; what else
the machine does meanwhile falls on all alike.  Given are medians over the rounds of the time of a unit (a training step; of W1 a Langevin step), the
medians of the rounds' ratios to PyTorch's fastest mode that takes gradients by autograd and to its fastest of all, the share of the bound, the largest memory and the time from
the start of the process to the end of the first step; at the end the geometric means.  Where it may, the run takes real-time precedence over all other processes
(--modest: does not), which makes a shared machine quiet for its time.  --json keeps the figures beside those that earlier runs kept in that file, --show tells them without measuring.

The bound: flops of the products at the rate of our own product kernel in cache, plus bytes of parameters, gradients and moments at the rate of
memory, both as `ebm run --profile` measures them, on all threads."""
import argparse, json, math, os, pathlib, re, statistics, subprocess, sys, tempfile

import timing
from sides import PYTHON, Ebm, Torch

AUTOGRAD = ("eager", "fx")                                   # modes without a gradient worked out by hand


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
        "w1": (2 * plane, 0, ["hand", "fx", "eager"], 1000),
        "w2": (60 * 2 * plane + 2 * 3 * plane, 17153 * 28, ["hand", "fx", "eager"], 1),
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
    timing.add_program(p)
    p.add_argument("--pairs", type=int, default=5, help="rounds, at least 2")
    p.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    p.add_argument("--modes", nargs="+", choices=["hand", "fx", "eager"], help="of peers.py; those named in this file unless given")
    p.add_argument("--no-blas", action="store_true", help="without ebm's products by OpenBLAS")
    p.add_argument("--seconds", type=float, default=1, help="of a block")
    p.add_argument("--json", metavar="FILE", help="keep the figures there, beside those of earlier runs")
    p.add_argument("--show", action="store_true", help="tell what that file keeps, without measuring")
    args = p.parse_args()
    args.workloads = args.workloads or sorted(WORK)
    if set(args.workloads) - set(WORK):
        p.error("there are the workloads " + " ".join(WORK))
    if args.pairs < 2:
        p.error("a spread needs two rounds")
    if args.show and not args.json:
        p.error("--show needs --json FILE")
    return args


def measure(args, workload, threads, folder, product, far):
    """What is kept of a workload: blocks (ms of a unit, in order of the rounds), memory and start by side, and the bound in ms."""
    flops, moved, modes, units = WORK[workload]
    sides = [Ebm(args.ebm, workload, units, threads, args.seconds, folder)]
    sides += [Torch(workload, units, mode, threads, args.seconds) for mode in args.modes or modes]
    if not args.no_blas:
        sides.append(Ebm(args.ebm, workload, units, threads, args.seconds, folder, "blas"))
    blocks = {side.name: [] for side in sides}
    for i in range(args.pairs):
        turn = i % len(sides)
        for side in sides[turn:] + sides[:turn]:
            blocks[side.name].append(side.block()["ms"])
    for side in sides:
        side.close()
    return {"blocks": blocks, "memory": {s.name: s.memory for s in sides}, "start": {s.name: s.start for s in sides},
            "bound": (flops / product + moved / far) / threads * 1e3}


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


# ---- telling ----

HEAD = ["", "threads", "ebm ms", "spread", "bound ms", "share", "by autograd ms", "ratio", "PyTorch's best ms", "ratio", "MB, ebm / PyTorch", "ratio", "first step s", "`--math blas` ms",
        "other modes ms"]


def fastest(figures, modes):
    """The name of PyTorch's fastest mode of these; None where none was run."""
    run = [name for name in figures["blocks"] if name in modes]
    return min(run, key=lambda name: statistics.median(figures["blocks"][name]), default=None)


def rivals(figures):
    """By kind of rival, the blocks beside which ebm's are held."""
    chosen = {"PyTorch's best by autograd": fastest(figures, AUTOGRAD), "PyTorch's best, by hand included": fastest(figures, AUTOGRAD + ("hand",)),
              "PyTorch eager": fastest(figures, ("eager",)), "ebm --math blas": "ebm, blas" if "ebm, blas" in figures["blocks"] else None}
    return {kind: figures["blocks"][name] for kind, name in chosen.items() if name}


def ratio(theirs, ours):
    return statistics.median(t / o for t, o in zip(theirs, ours))


def row(name, figures):
    """A line of the table, of the workload and number of threads in the name."""
    blocks, ours = figures["blocks"], figures["blocks"]["ebm"]
    ms = statistics.median(ours)
    low, _, high = statistics.quantiles(ours, n=4)
    cells = name.split() + [f"{ms:.3g}", f"{(high - low) / 2 / ms:.0%}", f"{figures['bound']:.3g}", f"{figures['bound'] / ms:.0%}"]
    by_autograd, best = fastest(figures, AUTOGRAD), fastest(figures, AUTOGRAD + ("hand",))
    for mode in (by_autograd, best):
        cells += [f"{statistics.median(blocks[mode]):.3g} ({mode})", f"{ratio(blocks[mode], ours):.2f}"] if mode else ["", ""]
    memory, start = figures["memory"], figures["start"]
    cells += [f"{memory['ebm']:.0f} / {memory[best]:.0f}", f"1/{memory[best] / memory['ebm']:.1f}", f"{start['ebm']:.2f} / {start[best]:.2f}"]
    cells.append(f"{statistics.median(blocks['ebm, blas']):.3g}" if "ebm, blas" in blocks else "")
    cells.append(", ".join(f"{mode} {statistics.median(b):.3g}" for mode, b in blocks.items() if mode not in ("ebm", "ebm, blas", by_autograd, best)))
    return "| " + " | ".join(cells) + " |"


def mean_of(ratios):
    return f"{math.exp(statistics.mean(map(math.log, ratios.values()))):.2f} (least {min(ratios, key=ratios.get)}, {min(ratios.values()):.2f})" if ratios else ""


def tell_means(kept):
    """For each rival the geometric mean of how many times ebm is as fast: for each number of threads, and each side with the number it is fastest with."""
    threads = sorted({name.split()[1] for name in kept})
    kinds = list(dict.fromkeys(kind for figures in kept.values() for kind in rivals(figures)))
    print(f"\n| geometric means over {' '.join(sorted({name.split()[0] for name in kept}))} | " + " | ".join(f"threads: {t}" for t in threads) + " | each at its best |")
    print("|---" * (len(threads) + 2) + "|")
    for kind in kinds:
        cells = [mean_of({name.split()[0]: ratio(rivals(f)[kind], f["blocks"]["ebm"]) for name, f in kept.items() if name.split()[1] == t and kind in rivals(f)}) for t in threads]
        theirs, ours = {}, {}
        for name, f in kept.items():
            if kind in rivals(f):
                for times, blocks in ((theirs, rivals(f)[kind]), (ours, f["blocks"]["ebm"])):
                    times[name.split()[0]] = min(times.get(name.split()[0], math.inf), statistics.median(blocks))
        print(f"| {kind} | " + " | ".join(cells + [mean_of({w: theirs[w] / ours[w] for w in ours})]) + " |")
    gain = {name.split()[0]: statistics.median(kept[name]["blocks"]["ebm"]) / statistics.median(kept[name.split()[0] + " 2"]["blocks"]["ebm"])
            for name in kept if name.endswith(" 1") and name.split()[0] + " 2" in kept}
    if gain:
        print("\nTwo threads over one, ebm: " + ", ".join(f"{w} {g:.2f}" for w, g in sorted(gain.items())))


def tell_head():
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|", flush=True)


def run_all(args, kept):
    """Measures, telling each row as it is had."""
    if subprocess.run([PYTHON, "-c", "import torch, functorch"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"run: {PYTHON} has no torch: apt-get install python3-torch (or name another Python in TORCH_PYTHON)")
    timing.check_program(args.ebm)
    load = os.getloadavg()[0]
    precedence = timing.go_first(args.modest)
    with tempfile.TemporaryDirectory() as folder:
        product, far = rates(args.ebm, folder)
        print(f"{processor()}, {os.cpu_count()} processors, load {load:.1f}; {precedence}; {args.pairs} rounds; a thread: {product * 1e-9:.0f} Gflop/s in products, "
              f"{far * 1e-9:.0f} GB/s of memory\n")
        tell_head()
        for workload in args.workloads:
            for threads in args.threads:
                name = f"{workload} {threads}"
                kept[name] = measure(args, workload, threads, folder, product, far)
                print(row(name, kept[name]), flush=True)


def main():
    args = options()
    file = pathlib.Path(args.json) if args.json else None
    kept = json.loads(file.read_text()) if file and file.exists() else {}
    if args.show:
        if not kept:
            sys.exit(f"run: {args.json} keeps nothing yet")
        tell_head()
        for name in sorted(kept):
            print(row(name, kept[name]))
    else:
        run_all(args, kept)
        if file:
            file.write_text(json.dumps(kept, indent=1) + "\n")
    tell_means(kept)


if __name__ == "__main__":
    main()
