#!/usr/bin/python3
"""The workloads of bench/workloads in PyTorch, as fast as we can make them: the rivals that bench/run.py times and bench/same.py checks.

    bench/peers.py w2 [--mode hand|fx|eager] [--threads 2] [--steps 100] [--serve]

A workload has its parameters, `draw`, which gives all that is random in a step, and `step`, which does the rest with what was drawn.  Modes:
  eager  autograd, as people write it
  fx     gradients of any order flattened to one ATen graph by functorch's make_fx, Langevin loops in TorchScript
  hand   the Langevin gradient worked out by hand, the loop in TorchScript
The first named in MODES is the fastest of the workload as measured, and is the default.  Prints a line of JSON for each block of steps: ms a unit
(wall and processor time), the loss, the largest memory so far."""
import argparse, gzip, json, math, os, resource, sys, time

MODES = {"w1": ["hand", "fx", "eager"], "w2": ["hand", "fx", "eager"], "w3": ["fx", "eager"], "w5": ["eager"], "w6": ["eager"], "w7": ["fx", "eager"], "w9": ["eager", "fx"]}
UNITS = {"w1": 1000}                                         # units of a step, where it is not one


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("workload", choices=sorted(MODES))
    p.add_argument("--mode", choices=["hand", "fx", "eager"])
    p.add_argument("--steps", type=int, default=50, help="timed steps of a block")
    p.add_argument("--warm", type=int, default=3, help="steps before the clock starts")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--as-found", action="store_true", help="leave what the libraries read from the environment as it is")
    p.add_argument("--serve", action="store_true", help="a block for each line read, until the input ends")
    args = p.parse_args()
    args.mode = args.mode or MODES[args.workload][0]
    return args


def prepare_environment(threads):
    """What the libraries read as they are loaded.  Debian's OpenBLAS 0.3.21 takes processors newer than itself for old ones, and ATen keeps
    to AVX2 unless told; a pool of threads of OpenBLAS's own would fight ATen's, so the build on OpenMP is taken where it is there."""
    wide = " avx512f " in open("/proc/cpuinfo").read()
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX" if wide else "Haswell"
    if wide:
        os.environ["ATEN_CPU_CAPABILITY"] = "avx512"
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "active")
    openmp = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
    if os.path.isdir(openmp) and openmp not in os.environ.get("LD_LIBRARY_PATH", ""):
        os.environ["LD_LIBRARY_PATH"] = openmp + ":" + os.environ.get("LD_LIBRARY_PATH", "")
        os.execv(sys.executable, [sys.executable] + sys.argv)


if __name__ == "__main__":
    args = options()
    if not args.as_found:
        prepare_environment(args.threads)
import torch                                                 # after the environment: it is read once
import torch.nn.functional as F
from typing import List
from torch import Tensor

torch.set_flush_denormal(True)

# ---- what they share ----


def flatten(f, *examples):
    """f with its gradients as one ATen graph, run by the TorchScript interpreter; by Python's, where its tracer refuses a call (the derivative of
    layer_norm)."""
    from functorch import make_fx
    examples = tuple(x.detach().clone() for x in examples)   # one tensor given twice would be traced as one input
    graph = make_fx(f)(*examples)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    with torch.no_grad():
        try:
            return torch.jit.trace(graph, examples, check_trace=False)
        except RuntimeError:
            return graph


def fashion(rows=60_000):
    path = os.path.join(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"), "train-images-idx3-ubyte.gz")
    raw = bytearray(gzip.open(path).read(16 + 784 * rows))
    return torch.frombuffer(raw, dtype=torch.uint8, offset=16).view(-1, 28, 28).to(torch.float32) / 255


def ring(rows, centers=8, radius=2.0, spread=0.15):
    turn = 2 * math.pi * (torch.arange(rows) % centers) / centers
    return radius * torch.stack([turn.cos(), turn.sin()], 1) + spread * torch.randn(rows, 2)


class Workload:
    """Parameters by the names ebm gives them, and Adam or plain descent over all of them."""

    def __init__(self, mode, shapes):
        self.mode, self.names = mode, list(shapes)
        self.w = []
        for shape in shapes.values():
            fan = math.prod(shape[1:]) if len(shape) > 1 else shape[0] if shape else 1
            self.w.append(((torch.rand(shape) * 2 - 1) * (4 / fan) ** 0.5 if len(shape) > 1 else torch.zeros(shape)).requires_grad_(mode == "eager"))
        self.adam = None

    def parts(self):
        """The parameters as ebm has them, by name; those of a layer may be one tensor here."""
        return {name: w.detach() for name, w in zip(self.names, self.w)}

    def load(self, arrays):
        for name, w in self.parts().items():
            if name in arrays:                               # a readout's bias that nothing moves is not saved
                w.copy_(arrays[name].reshape(w.shape))

    def update(self, gradients, lr):
        """Adam on a list of tensors at once."""
        if not self.adam:
            self.adam = torch.optim.Adam(self.w, lr=lr, foreach=True)
        for w, g in zip(self.w, gradients):
            w.grad = g
        self.adam.step()

    def gradients(self, loss, *inputs):
        """(gradients, loss) of loss(*inputs, *weights), in the way of the mode."""
        if self.mode == "eager":
            with torch.enable_grad():
                value = loss(*inputs, *self.w)
                return torch.autograd.grad(value, self.w, allow_unused=True), value.detach()
        if not hasattr(self, "flat"):
            from functorch import grad_and_value
            n = len(inputs)

            def both(*all):
                g, value = grad_and_value(lambda *w: loss(*all[:n], *w), argnums=tuple(range(len(all) - n)))(*all[n:])
                return (*g, value)
            self.flat = flatten(both, *inputs, *self.w)
        *g, value = self.flat(*inputs, *self.w)
        return g, value


# ---- the plane: W1, W2, W3 ----

def plane_energy(x, w1, b1, w2, b2, w3, b3):
    return (F.silu(F.linear(F.silu(F.linear(x, w1, b1)), w2, b2)) @ w3) + b3


PLANE = {"f.dense1.W": (128, 2), "f.dense1.b": (128,), "f.dense2.W": (128, 128), "f.dense2.b": (128,), "f.readout1.w": (128,), "f.readout1.b": ()}


@torch.jit.script
def plane_chains_by_hand(x: Tensor, noise: Tensor, w: List[Tensor], step: float, bowl: float):
    """x - step dE/dx + sqrt(2 step) noise; the bowl's gradient is part of the first factor."""
    w1, w2 = w[0].t(), w[2].t()
    last = w[4].expand(x.size(0), -1)
    noise = noise * (2 * step) ** 0.5
    keep = 1.0 - 2.0 * bowl * step
    for i in range(noise.size(0)):
        h1 = torch.addmm(w[1], x, w1)
        h2 = torch.addmm(w[3], F.silu(h1), w2)
        g = torch.ops.aten.silu_backward(torch.mm(torch.ops.aten.silu_backward(last, h2), w[2]), h1)
        x = torch.addmm(torch.add(noise[i], x, alpha=keep), g, w[0], beta=1.0, alpha=-step)
    return x


def plane_chains(mode, w, step, bowl):
    """The function (start, noise) -> ends of the chains."""
    scale = (2 * step) ** 0.5

    def total(x, *w):
        return plane_energy(x, *w).sum() + bowl * (x * x).sum()
    if mode == "hand":
        return lambda x, noise: plane_chains_by_hand(x, noise, w, step, bowl)
    if mode == "eager":
        def run(x, noise):
            for eps in noise:
                with torch.enable_grad():
                    x.requires_grad_()
                    g, = torch.autograd.grad(total(x, *w), x)
                x = x.detach() - step * g + scale * eps
            return x
        return run
    from functorch import grad
    x0 = torch.randn(256, 2)
    one = flatten(lambda x, e, *w: x - step * grad(total)(x, *w) + scale * e, x0, x0.clone(), *w)

    class Loop(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one = one

        def forward(self, x, noise, w: List[Tensor]):
            for i in range(noise.size(0)):
                x = self.one(x, noise[i], w[0], w[1], w[2], w[3], w[4], w[5])
            return x
    loop = torch.jit.script(Loop())
    return lambda x, noise: loop(x, noise, w)


class Langevin(Workload):
    """W1."""

    def __init__(self, mode):
        super().__init__(mode, PLANE)
        self.w = [w.detach() for w in self.w]
        self.chains = plane_chains(mode, self.w, 0.01, 0.05)
        self.start = torch.randn(256, 2)

    def draw(self):
        return {"start": self.start, "noise": torch.randn(1000, 256, 2)}

    def step(self, d):
        self.neg = self.chains(d["start"].clone(), d["noise"])
        return ((plane_energy(self.neg, *self.w) + 0.05 * (self.neg ** 2).sum(1)) ** 2).mean()


class Persistent(Workload):
    """W2."""

    def __init__(self, mode):
        super().__init__(mode, PLANE)
        self.chains = plane_chains(mode, [w.detach() for w in self.w], 0.01, 0.0)
        self.data, self.pool = ring(20_000), torch.rand(10_000, 2) * 8 - 4

    def draw(self):
        self.slot = torch.randint(0, len(self.pool), (256,))
        cold = torch.rand(256, 1) < 0.05
        return {"x": self.data[torch.randint(0, len(self.data), (256,))], "noise": torch.randn(60, 256, 2),
                "start": torch.where(cold, torch.rand(256, 2) * 8 - 4, self.pool[self.slot])}

    @staticmethod
    def loss(x, neg, *w):
        e, n = plane_energy(torch.cat([x, neg]), *w).split(256)
        return (e - n).mean() + 1e-3 * (e * e + n * n).mean()

    def step(self, d):
        self.neg = self.chains(d["start"], d["noise"])
        if hasattr(self, "slot"):
            self.pool[self.slot] = self.neg
        g, loss = self.gradients(self.loss, d["x"], self.neg)
        self.update(g, 1e-3)
        return loss


class Denoising(Workload):
    """W3."""

    def __init__(self, mode):
        super().__init__(mode, PLANE)
        self.data = ring(20_000)

    def draw(self):
        return {"x": self.data[torch.randint(0, len(self.data), (512,))], "eps": torch.randn(512, 2)}

    def loss(self, x, eps, *w):
        if self.mode == "eager":
            x = x.detach().requires_grad_()
            slope, = torch.autograd.grad(plane_energy(x, *w).sum(), x, create_graph=True)
        else:
            from functorch import grad
            slope = grad(lambda x: plane_energy(x, *w).sum())(x)
        return ((eps - 0.3 * slope) ** 2).sum(1).mean()

    def step(self, d):
        g, loss = self.gradients(self.loss, d["x"] + 0.3 * d["eps"], d["eps"])
        self.update(g, 1e-3)
        return loss


# ---- images: W5, W6, W7 ----

@torch.jit.script
def rbm_step(v: Tensor, luck_h: Tensor, luck_v: Tensor, w: Tensor, b: Tensor, c: Tensor, lr: float):
    ph = torch.sigmoid(torch.addmm(c, v, w.t()))
    h = (luck_h < ph).to(torch.float32)
    pv = torch.sigmoid(torch.addmm(b, h, w))
    neg = (luck_v < pv).to(torch.float32)
    pn = torch.sigmoid(torch.addmm(c, neg, w.t()))
    k = lr / v.size(0)
    w.addmm_(ph.t(), v, alpha=k)
    w.addmm_(pn.t(), neg, alpha=-k)
    b.add_((v - neg).sum(0), alpha=k)
    c.add_((ph - pn).sum(0), alpha=k)
    return ((v - pv) ** 2).mean()


class Boltzmann(Workload):
    """W5; its loss is the error of reconstruction.  `free` is what ebm tells of: the mean free energy of data less that of their negatives."""

    def __init__(self, mode):
        super().__init__("hand", {"machine.W": (500, 784), "machine.b": (784,), "machine.c": (500,)})
        self.data, self.at = (fashion(20_000).view(-1, 784) > 0.5).to(torch.float32), 0

    def draw(self):
        self.at = (self.at + 128) % (len(self.data) - 128)
        return {"v": self.data[self.at:self.at + 128], "luck_h": torch.rand(128, 500), "luck_v": torch.rand(128, 784)}

    def free(self, v):
        w, b, c = self.w
        return -(v @ b) - F.softplus(F.linear(v, w, c)).sum(1)

    def step(self, d):
        return rbm_step(d["v"], d["luck_h"], d["luck_v"], *self.w, 0.05)

    def step_to(self, v, neg):
        """The update alone, towards given negatives; returns the loss that ebm tells."""
        w, b, c = self.w
        loss = (self.free(v) - self.free(neg)).mean()
        ph, pn = torch.sigmoid(F.linear(v, w, c)), torch.sigmoid(F.linear(neg, w, c))
        k = 0.05 / len(v)
        w += k * (ph.t() @ v - pn.t() @ neg)
        b += k * (v - neg).sum(0)
        c += k * (ph - pn).sum(0)
        return loss


def conv_energy(x, k1, b1, k2, b2, k3, b3, w, b):
    h = F.silu(F.conv2d(x.unsqueeze(1), k1, b1, stride=2, padding=1))
    h = F.silu(F.conv2d(h, k2, b2, stride=2, padding=1))
    h = F.silu(F.conv2d(h, k3, b3, stride=2, padding=1))
    return h.flatten(1) @ w + b


class Images(Workload):
    """W6."""

    def __init__(self, mode):
        super().__init__("eager", {"f.conv1.kernels": (32, 1, 3, 3), "f.conv1.b": (32,), "f.conv2.kernels": (64, 32, 3, 3), "f.conv2.b": (64,),
                                   "f.conv3.kernels": (128, 64, 3, 3), "f.conv3.b": (128,), "f.readout1.w": (2048,), "f.readout1.b": ()})
        self.data, self.pool = fashion(20_000), torch.rand(4096, 28, 28)

    def draw(self):
        self.slot = torch.randint(0, len(self.pool), (64,))
        cold = torch.rand(64, 1, 1) < 0.05
        return {"x": self.data[torch.randint(0, len(self.data), (64,))] + 0.005 * torch.randn(64, 28, 28),
                "start": torch.where(cold, torch.rand(64, 28, 28), self.pool[self.slot]), "noise": torch.randn(20, 64, 28, 28)}

    def chains(self, x, noise):
        fixed = [w.detach() for w in self.w]
        for eps in noise:
            with torch.enable_grad():
                x.requires_grad_()
                g, = torch.autograd.grad(conv_energy(x, *fixed).sum(), x)
            x = (x.detach() - 10 * g.clamp_(-0.03, 0.03) + 0.005 * eps).clamp_(0, 1)
        return x

    @staticmethod
    def loss(x, neg, *w):
        e, n = conv_energy(torch.cat([x, neg]), *w).split(64)
        return (e - n).mean() + 0.1 * (e * e + n * n).mean()

    def step(self, d):
        self.neg = self.chains(d["start"], d["noise"])
        if hasattr(self, "slot"):
            self.pool[self.slot] = self.neg
        g, loss = self.gradients(self.loss, d["x"], self.neg)
        self.update(g, 1e-4)
        return loss


def volume_half(z):
    n = z.size(0)
    z = z - z.mean(0)
    var = (z * z).sum(0) / (n - 1)
    c = z.t() @ z / (n - 1)
    return F.relu(1 - torch.sqrt(var + 1e-4)).mean(), ((c * c).sum() - (var * var).sum()) / z.size(1)


class Joint(Workload):
    """W7."""

    def __init__(self, mode):
        super().__init__(mode, {"code.dense1.W": (512, 784), "code.dense1.b": (512,), "code.dense2.W": (256, 512), "code.dense2.b": (256,),
                                "wide.dense1.W": (512, 256), "wide.dense1.b": (512,), "wide.dense2.W": (512, 512), "wide.dense2.b": (512,)})
        self.data, self.line = F.pad(fashion(20_000), (2, 2, 2, 2)), torch.arange(28)

    def view(self, row):
        down, right = torch.randint(0, 5, (256, 1, 1)), torch.randint(0, 5, (256, 1, 1))
        view = self.data[row.view(-1, 1, 1), down + self.line.view(1, -1, 1), right + self.line.view(1, 1, -1)]
        return view.view(256, 784) + 0.1 * torch.randn(256, 784)

    def draw(self):
        row = torch.randint(0, len(self.data), (256,))
        return {"a": self.view(row), "b": self.view(row)}

    @staticmethod
    def loss(a, b, *w):
        h = F.relu(F.linear(torch.cat([a, b]), w[0], w[1]))
        h = F.relu(F.linear(h, w[2], w[3]))
        h = F.linear(F.relu(F.linear(h, w[4], w[5])), w[6], w[7])
        za, zb = h.split(256)
        (va, ca), (vb, cb) = volume_half(za), volume_half(zb)
        return 25 * ((za - zb) ** 2).mean() + 12.5 * (va + vb) + ca + cb

    def step(self, d):
        g, loss = self.gradients(self.loss, d["a"], d["b"])
        self.update(g, 1e-3)
        return loss


# ---- a transformer: W9 ----

WIDTH, HEADS = 128, 4


def block_shapes(of):
    """The twelve tensors of a block, in the order in which block() takes them; queries, keys and values are one product."""
    names = ["layer_norm1.gain", "layer_norm1.shift", "look.QKV", "look.b", "look.O", "look.c",
             "layer_norm2.gain", "layer_norm2.shift", "dense1.W", "dense1.b", "dense2.W", "dense2.b"]
    d = WIDTH
    return {f"{of}.{n}": s for n, s in zip(names, [(d,), (d,), (3 * d, d), (3 * d,), (d, d), (d,), (d,), (d,), (4 * d, d), (4 * d,), (d, 4 * d), (d,)])}


def block(x, g1, s1, qkv, b, o, c, g2, s2, w1, b1, w2, b2):
    n, t, d = x.shape
    q, k, v = F.linear(F.layer_norm(x, (d,), g1, s1), qkv, b).view(n, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
    look = torch.softmax(q @ k.transpose(-1, -2) * (d // HEADS) ** -0.5, -1)
    x = x + F.linear((look @ v).transpose(1, 2).reshape(n, t, d), o, c)
    return x + F.linear(F.gelu(F.linear(F.layer_norm(x, (d,), g2, s2), w1, b1)), w2, b2)


def code_of(x, place, table, w, b, *rest):
    h = F.linear(x, w, b) + table[place]
    for i in range(0, 48, 12):
        h = block(h, *rest[i:i + 12])
    return F.layer_norm(h, (WIDTH,), *rest[48:])


def guess_of(h, seen, wanted, blank, table, w, b, *rest):
    known, asked = F.linear(h, w, b) + table[seen], (blank + table[wanted]).unsqueeze(0).expand(len(h), -1, -1)
    y = torch.cat([known, asked], 1)
    for i in range(0, 24, 12):
        y = block(y, *rest[i:i + 12])
    return F.linear(F.layer_norm(y[:, len(seen):], (WIDTH,), *rest[24:26]), *rest[26:])


class Transformer(Workload):
    """W9."""

    def __init__(self, mode):
        d, blocks = WIDTH, range(1, 5)
        code = {"enc.table": (49, d), "enc.dense1.W": (d, 16), "enc.dense1.b": (d,)}
        for i in blocks:
            code.update(block_shapes(f"enc.transformer_block{i}"))
        code.update({"enc.layer_norm1.gain": (d,), "enc.layer_norm1.shift": (d,)})
        guess = {"guess.blank": (d,), "guess.table": (49, d), "guess.dense1.W": (d, d), "guess.dense1.b": (d,)}
        for i in blocks[:2]:
            guess.update(block_shapes(f"guess.transformer_block{i}"))
        guess.update({"guess.layer_norm1.gain": (d,), "guess.layer_norm1.shift": (d,), "guess.dense2.W": (d, d), "guess.dense2.b": (d,)})
        super().__init__(mode, {**code, **guess})
        for name, w in zip(self.names, self.w):
            if name.endswith("gain"):
                w.detach().fill_(1)
        self.n_code = len(code)
        self.slow = [w.detach().clone() for w in self.w[:len(code)]]
        self.data = fashion(20_000).view(-1, 7, 4, 7, 4).permute(0, 1, 3, 2, 4).reshape(-1, 49, 16).contiguous()
        self.adam, self.everywhere = torch.optim.AdamW(self.w, lr=5e-4, weight_decay=0.05, foreach=True), torch.arange(49)
        self.goal = self.goal_of if mode == "eager" else torch.jit.trace(self.goal_of, (self.data[:64], self.everywhere[:16], *self.slow), check_trace=False)

    def parts(self):
        found = {}
        for names, tensors in ((self.names, self.w), ([n.replace("enc.", "slow.") for n in self.names[:self.n_code]], self.slow)):
            for name, w in zip(names, tensors):
                if name.endswith("QKV"):
                    found.update({name[:-3] + part: v for part, v in zip("QKV", w.detach().chunk(3))})
                else:
                    found[name] = w.detach()
        return found

    def draw(self):
        corner = int(torch.randint(0, 16, ()))
        line = torch.arange(4)
        wanted = ((corner // 4 + line).view(4, 1) * 7 + corner % 4 + line).flatten()
        free = torch.ones(49, dtype=torch.bool)
        free[wanted] = False
        rest = free.nonzero().squeeze(1)
        return {"x": self.data[torch.randint(0, len(self.data), (64,))], "wanted": wanted, "seen": rest[torch.randperm(33)[:25]]}

    def goal_of(self, x, wanted, *w):
        return F.layer_norm(code_of(x, self.everywhere, *w), (WIDTH,))[:, wanted]

    def loss(self, x, seen, wanted, goal, *w):
        return F.smooth_l1_loss(guess_of(code_of(x, seen, *w[:self.n_code]), seen, wanted, *w[self.n_code:]), goal)

    def step(self, d):
        x, seen, wanted = d["x"], d["seen"].long(), d["wanted"].long()
        g, loss = self.gradients(self.loss, x[:, seen].contiguous(), seen, wanted, self.goal(x, wanted, *self.slow))
        self.update(g, 5e-4)
        torch._foreach_mul_(self.slow, 0.996)
        torch._foreach_add_(self.slow, [w.detach() for w in self.w[:self.n_code]], alpha=0.004)
        return loss


WORKLOADS = {"w1": Langevin, "w2": Persistent, "w3": Denoising, "w5": Boltzmann, "w6": Images, "w7": Joint, "w9": Transformer}

# ---- timing ----


def timed_block(workload, name, steps):
    units = steps * UNITS.get(name, 1)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        loss = workload.step(workload.draw())
    loss = float(loss)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"ms": wall / units * 1e3, "cpu_ms": cpu / units * 1e3, "loss": loss, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    with torch.no_grad():
        workload = WORKLOADS[args.workload](args.mode)
        for i in range(args.warm):
            workload.step(workload.draw())
            if i == 0:
                started = time.clock_gettime(time.CLOCK_BOOTTIME) - int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        if args.serve:
            print(json.dumps({"start_s": round(started, 2)}), flush=True)
            for _ in sys.stdin:
                print(json.dumps(timed_block(workload, args.workload, args.steps)), flush=True)
            return
        print(json.dumps(timed_block(workload, args.workload, args.steps)))


if __name__ == "__main__":
    main()
