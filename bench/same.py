#!/usr/bin/python3
"""Whether ebm and PyTorch compute the same: one step of every workload from the same weights with the same draws.

    bench/same.py [w1 w2 ..] [--ebm build/ebm]

ebm runs the workload's own text for one step, once with a rate of 0 and once as it stands, with lines added that keep what was drawn in
states; both runs are saved, and bench/peers.py takes weights and draws from the file.  Compared are the loss (to 1e-4, relative), where the chains end, and
the parameters after the update.  Exit status 1 if anything differs."""
import argparse, json, os, pathlib, re, struct, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import torch
import peers

TOLD_SOLVER = """solver told_langevin(steps = 60, step = 0.01, noise = sqrt(2 * step), clip = inf)(E, x: [..S]) {
  repeat steps {
    eps ~ normal(like x)
    x' = x - step * clamp(grad[x](E(x)), -clip, clip) + noise * eps
    keep eps as all_eps
  }
  record all_eps as noise
}
"""

# By workload: what is kept (name, shape, value), and what else is changed in the text.
KEPT = {
    "w1": [("start", "256, 2", "chains"), ("noise", "256, 1000, 2", "neg.noise"), ("neg", "256, 2", "neg")],
    "w2": [("x", "256, 2", "x"), ("start", "256, 2", "cd.start"), ("noise", "256, 60, 2", "cd.neg.noise"), ("neg", "256, 2", "cd.neg")],
    "w3": [("x", "512, 2", "x"), ("eps", "512, 2", "d.eps")],
    "w5": [("v", "128, 784", "v"), ("neg", "128, 784", "neg")],
    "w6": [("x", "64, 28, 28", "x"), ("start", "64, 28, 28", "cd.start"), ("noise", "64, 20, 28, 28", "cd.neg.noise"), ("neg", "64, 28, 28", "cd.neg")],
    "w7": [("a", "256, 28, 28", "a"), ("b", "256, 28, 28", "b")],
    "w9": [("x", "64, 49, 16", "x"), ("seen", "25", "seen"), ("wanted", "16", "wanted")],
}
LOSS = {"w1": "squares", "w2": "mean(E(x)) - mean(E(cd.neg)) + scale", "w3": "sum((d.eps - 0.3 * d.slope)^2) / 512", "w5": "mean(free(v)) - mean(free(neg))",
        "w6": "mean(E(x)) - mean(E(cd.neg)) + scale", "w7": "volume", "w9": "missed"}


def told_text(workload, still):
    """The workload's text with what it draws kept in states; still: with a rate of 0."""
    text = (HERE / "workloads" / f"{workload}.ebm").read_text()
    lines = [f"  state told_{name}: [{shape}] = 0\n  told_{name}' = {value}\n" for name, shape, value in KEPT[workload]]
    used = " + ".join(f"told_{name}[{', '.join(['0'] * (shape.count(',') + 1))}]" for name, shape, _ in KEPT[workload])
    lines.append(f"  every 1 steps {{ record {used} as kept, {LOSS[workload]} as loss_now }}\n")
    text = text.replace("langevin(", "told_langevin(").replace("train fit {", TOLD_SOLVER + "train fit {")
    text, n = re.subn(r"  until length\n}", "".join(lines).replace("\\", "") + "  until 1 steps\n}\nsave fit -> \"told.safetensors\"", text)
    assert n == 1, "the train's end was not found"
    if still:
        text, n = re.subn(r"update (.*) by .*\n", r"update \1 by sgd(lr = 0)\n", text)
        assert n == 1, "the update was not found"
    return text


def safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8:8 + size])
    return {name: torch.frombuffer(bytearray(raw[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]]), dtype=torch.float32).view(e["shape"])
            for name, e in head.items() if name != "__metadata__"}


def run_ebm(ebm, text, folder):
    path = pathlib.Path(folder) / "told.ebm"
    path.write_text(text)
    done = subprocess.run([ebm, "run", str(path), "--json", "--out", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"same: ebm ended with status {done.returncode}:\n{done.stderr}")
    first = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "record" and e["step"] == 0][0]
    return first["values"]["loss_now"], safetensors(pathlib.Path(folder) / "told.safetensors")


def drawn_of(arrays):
    """What was drawn, by the peers' names; noise goes step by step."""
    drawn = {name[len("state.told_"):]: a for name, a in arrays.items() if name.startswith("state.told_")}
    if "noise" in drawn:
        drawn["noise"] = drawn["noise"].transpose(0, 1).contiguous()
    for name in ("a", "b"):
        if name in drawn:
            drawn[name] = drawn[name].reshape(256, 784)
    return drawn


def compare(workload, ebm, folder):
    """The differences found, as (what, how large, allowed)."""
    _, before = run_ebm(ebm, told_text(workload, True), folder)
    loss, after = run_ebm(ebm, told_text(workload, False), folder)
    drawn = drawn_of(before)
    for name, value in drawn_of(after).items():
        if not torch.equal(value, drawn[name]):
            sys.exit(f"same: {workload}: {name} is drawn anew when the rate changes")
    peer = peers.WORKLOADS[workload](peers.MODES[workload][0])
    peer.load(before)
    with torch.no_grad():
        theirs = float(peer.step_to(drawn["v"], drawn["neg"]) if workload == "w5" else peer.step(drawn))
    found = [("loss", abs(loss - theirs) / max(1, abs(theirs)), 1e-4)]
    if workload != "w5" and "neg" in drawn:
        found.append(("ends of chains", float((drawn["neg"] - peer.neg).abs().max()), 1e-3))
    for name, w in peer.parts().items():
        if name not in before or (workload, name) == ("w7", "wide.dense2.b"):
            continue                                         # VICReg does not see that bias: its gradient is rounding alone
        moved = (after[name] - before[name]).reshape(w.shape), (w.detach() - before[name].reshape(w.shape))
        size = float(moved[1].abs().max())
        found.append((name, float((moved[0] - moved[1]).abs().mean()) / size if size else float(moved[0].abs().max()), 1e-2))
    return loss, theirs, found


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("workloads", nargs="*", default=[])
    p.add_argument("--ebm", default=str(HERE.parent / "build" / "ebm"))
    args = p.parse_args()
    wrong = 0
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        for workload in args.workloads or sorted(KEPT):
            loss, theirs, found = compare(workload, args.ebm, folder)
            for what, difference, allowed in found:
                if not difference <= allowed:
                    print(f"FAILED {workload}: {what} differs by {difference:.2g}, allowed {allowed:.2g}")
                    wrong += 1
            largest = max(found[1:], key=lambda f: f[1] / f[2]) if len(found) > 1 else found[0]
            print(f"{workload}: loss {loss:.7g} and {theirs:.7g}, differ by {found[0][1]:.1e}; of the rest most differs {largest[0]}, by {largest[1]:.1e}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
