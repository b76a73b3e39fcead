#!/usr/bin/python3
"""The training step of examples/moons.ebm in PyTorch, as fast as we can make it: the rival that bench/compare.py times.

Persistent contrastive divergence on two moons: energy 2-128-128-1 with SiLU plus 0.05 |x|^2, batches of 256, a pool of 8192
chains of which 256 (5 % of them afresh) go 40 Langevin steps of 0.002, mean E(data) - mean E(chains) + 0.001 mean(E(data)^2 +
E(chains)^2), Adam with a cosine schedule.  What moons.ebm does beyond it (the guard and its snapshots) is left out here.

Three ways to write the chains, of which the fastest counts:
  eager   autograd at every Langevin step, as people write it
  fxloop  the gradient flattened to one ATen graph by functorch's make_fx, the loop in TorchScript
  hand    the gradient worked out by hand, the loop in TorchScript, all noise of a step drawn at once

Prints one line of JSON: ms a step (wall and processor time), the last loss."""
import argparse, json, os, sys, time


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--steps", type=int, default=200, help="timed steps")
    p.add_argument("--warm", type=int, default=20, help="steps before the clock starts")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--mode", choices=["hand", "fxloop", "eager"], default="hand")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--as-found", action="store_true", help="leave OPENBLAS_CORETYPE, ATEN_CPU_CAPABILITY and OMP_* as the environment has them")
    p.add_argument("--serve", action="store_true", help="a block of --steps timed steps for each line read, until the input ends")
    p.add_argument("--mmd", action="store_true", help="afterwards draw 2000 samples and compare them with the data")
    return p.parse_args()


def prepare_environment(threads):
    """What the libraries read as they are loaded.  Debian's OpenBLAS 0.3.21 takes processors newer than itself for old ones, and ATen
    keeps to AVX2 unless told.  Products of this size lose by OpenBLAS's second thread, so only ATen's own loops get one; they are
    quickest when threads spin between them (OMP_WAIT_POLICY; the caller's own choice is kept)."""
    wide = " avx512f " in open("/proc/cpuinfo").read()
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX" if wide else "Haswell"
    os.environ.pop("OPENBLAS_L2_SIZE", None)
    if wide:
        os.environ["ATEN_CPU_CAPABILITY"] = "avx512"
    os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"] = str(threads), "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "active")


args = options()
if not args.as_found:
    prepare_environment(args.threads)
import math
import torch                                                 # after the environment: it is read once
import torch.nn.functional as F
from typing import List
from torch import Tensor

torch.set_num_threads(args.threads)
torch.set_flush_denormal(True)
torch.manual_seed(args.seed)

ROWS, BATCH, POOL, FRESH = 10_000, 256, 8192, 0.05
PASSES, STEP, BOWL, SQUARE, PEAK = 40, 0.002, 0.05, 0.001, 1e-3
NOISE = math.sqrt(2 * STEP)


def two_moons(rows, noise=0.08):
    angle = torch.rand(rows) * math.pi
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    side = (torch.arange(rows) % 2 == 0).unsqueeze(1)
    return torch.where(side, upper, lower) + noise * torch.randn(rows, 2)


def parameters():
    made = []
    for inputs, outputs in ((2, 128), (128, 128), (128, 1)):
        made += [(torch.rand(outputs, inputs) * 2 - 1) / math.sqrt(inputs), torch.zeros(outputs)]
    return made


def energy(x, w1, b1, w2, b2, w3, b3):
    h = F.silu(F.linear(x, w1, b1))
    h = F.silu(F.linear(h, w2, b2))
    return F.linear(h, w3, b3).squeeze(1) + BOWL * (x * x).sum(1)


def loss_of(data, chains, *w):
    """One pass over data and chains together: one product of 512 rows is faster than two of 256."""
    e = energy(torch.cat([data, chains]), *w)
    d, c = e[:BATCH], e[BATCH:]
    return d.mean() - c.mean() + SQUARE * ((d * d).mean() + (c * c).mean())


def flatten(f, *examples):
    """f, gradients included, as one graph of ATen calls without autograd, run by TorchScript."""
    from functorch import make_fx
    examples = tuple(t.detach().clone() for t in examples)   # one tensor given twice would be taken for one input
    graph = make_fx(f)(*examples)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    with torch.no_grad():
        return torch.jit.trace(graph, examples, check_trace=False)


def chains_eager():
    def run(x, passes, w):
        for _ in range(passes):
            x = x.detach().requires_grad_()
            with torch.enable_grad():
                (g,) = torch.autograd.grad(energy(x, *w).sum(), x)
            x = x.detach() - STEP * g + NOISE * torch.randn_like(x)
        return x.detach()
    return run


def chains_fxloop(w):
    from functorch import grad
    x0 = torch.randn(BATCH, 2)
    one = flatten(lambda x, e, *w: x - STEP * grad(lambda x: energy(x, *w).sum())(x) + NOISE * e, x0, x0.clone(), *w)

    class Loop(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one = one

        def forward(self, x, passes: int, w: List[Tensor]):
            for _ in range(passes):
                x = self.one(x, torch.randn_like(x), w[0], w[1], w[2], w[3], w[4], w[5])
            return x
    return torch.jit.script(Loop())


@torch.jit.script
def chains_hand(x: Tensor, passes: int, w: List[Tensor], step: float, noise: float, bowl: float):
    """x - step dE/dx + noise eps; the bowl's gradient 2 bowl x is part of the first factor."""
    w1, w2 = w[0].t(), w[2].t()
    last = w[4].expand(x.size(0), -1)
    eps = torch.randn([passes, x.size(0), x.size(1)]).mul_(noise)
    keep = 1.0 - 2.0 * bowl * step
    for i in range(passes):
        h1 = torch.addmm(w[1], x, w1)
        h2 = torch.addmm(w[3], F.silu(h1), w2)
        g = torch.ops.aten.silu_backward(torch.mm(torch.ops.aten.silu_backward(last, h2), w[2]), h1)
        x = torch.addmm(torch.add(eps[i], x, alpha=keep), g, w[0], beta=1.0, alpha=-step)
    return x


def gradients(mode, w):
    """The function (data, chains, weights) -> (gradients, loss)."""
    if mode == "eager":
        def run(data, chains, w):
            with torch.enable_grad():
                loss = loss_of(data, chains, *w)
                return torch.autograd.grad(loss, w), loss.detach()
        return run
    from functorch import grad_and_value
    x0 = torch.randn(BATCH, 2)

    def both(data, chains, *w):
        g, loss = grad_and_value(lambda *w: loss_of(data, chains, *w), argnums=tuple(range(len(w))))(*w)
        return (*g, loss)
    flat = flatten(both, x0, x0.clone(), *w)

    def run(data, chains, w):
        *g, loss = flat(data, chains, *w)
        return g, loss
    return run


class Adam:
    """Adam on all parameters as one long vector, in place: six calls a step whatever the number of arrays."""

    def __init__(self, flat):
        self.flat, self.m, self.v, self.n = flat, torch.zeros_like(flat), torch.zeros_like(flat), 0

    def step(self, grads, rate, b1=0.9, b2=0.999, eps=1e-8):
        g = torch.cat([x.reshape(-1) for x in grads])
        self.n += 1
        self.m.mul_(b1).add_(g, alpha=1 - b1)
        self.v.mul_(b2).addcmul_(g, g, value=1 - b2)
        root = (self.v / (1 - b2 ** self.n)).sqrt_().add_(eps)
        self.flat.addcdiv_(self.m, root, value=-rate / (1 - b1 ** self.n))


class Trainer:
    def __init__(self, mode, total):
        initial = parameters()
        self.flat = torch.cat([p.reshape(-1) for p in initial])
        self.w, at = [], 0
        for p in initial:                                    # the parameters are views of the one vector
            self.w.append(self.flat[at:at + p.numel()].view_as(p))
            at += p.numel()
        self.adam = Adam(self.flat)
        if mode == "eager":
            self.w = [p.requires_grad_() for p in self.w]
        self.data, self.pool = two_moons(ROWS), torch.rand(POOL, 2) * 2 - 1
        self.order, self.at, self.total, self.done = torch.randperm(ROWS), 0, total, 0
        plain = [p.detach() for p in self.w]
        if mode == "hand":
            self.chains = lambda x, passes: chains_hand(x, passes, plain, STEP, NOISE, BOWL)
        else:
            run = chains_eager() if mode == "eager" else chains_fxloop(plain)
            self.chains = lambda x, passes: run(x, passes, plain)
        self.gradients = gradients(mode, plain)

    def rows(self):
        if self.at + BATCH > ROWS:
            self.order, self.at = torch.randperm(ROWS), 0
        self.at += BATCH
        return self.data[self.order[self.at - BATCH:self.at]]

    def step(self):
        slot = torch.randperm(POOL)[:BATCH]
        cold = torch.rand(BATCH, 1) < FRESH
        start = torch.where(cold, torch.rand(BATCH, 2) * 2 - 1, self.pool[slot])
        negative = self.chains(start, PASSES)
        self.pool[slot] = negative
        g, loss = self.gradients(self.rows(), negative, self.w)
        self.adam.step(g, 0.5 * PEAK * (1 + math.cos(math.pi * self.done / self.total)))
        self.done += 1
        return loss


def mmd(x, y):
    """Unbiased squared maximum mean discrepancy; the kernel's width is the median distance of the pooled points."""
    both = torch.cat([x, y])
    d = torch.cdist(both, both)
    k = torch.exp(-d * d / (2 * d[d > 0].median() ** 2)).fill_diagonal_(0)
    n, m = len(x), len(y)
    return float(k[:n, :n].sum() / (n * (n - 1)) + k[n:, n:].sum() / (m * (m - 1)) - 2 * k[:n, n:].mean())


def timed_block(trainer, steps):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        loss = trainer.step()
    loss = float(loss)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"ms": wall / steps * 1e3, "cpu_ms": cpu / steps * 1e3, "loss": loss, "steps": steps, "mode": args.mode,
            "threads": args.threads, "torch": torch.__version__, "core": os.environ.get("OPENBLAS_CORETYPE")}


def main():
    trainer = Trainer(args.mode, max(5000, args.warm + args.steps) if args.serve else args.warm + args.steps)
    with torch.no_grad():
        for _ in range(args.warm):
            trainer.step()
        if args.serve:
            print("ready", flush=True)
            for _ in sys.stdin:
                print(json.dumps(timed_block(trainer, args.steps)), flush=True)
            return
        line = timed_block(trainer, args.steps)
        if args.mmd:
            drawn = trainer.chains(torch.rand(2000, 2) * 4 - 2, 1000)
            line["mmd"] = mmd(drawn, trainer.data[:2000])
    print(json.dumps(line))


if __name__ == "__main__":
    main()
