#!/usr/bin/python3
"""Gibbs sampling of the Ising model and Langevin sampling of a double well in numpy and in PyTorch: the rivals that bench/sampling.py times.

    bench/sampling_peers.py numpy|torch|eager spins|langevin SIDE CHAINS PASSES THREADS

Spins stand in two arrays, one for each color of the checkerboard, so that no draw is thrown away; sums, odds and draws are of single precision, made in
place where the library can.  torch: loops in TorchScript, Langevin's gradient worked out by hand; eager: by autograd, as people write it."""
import json, os, sys, time

PEER, WHAT = sys.argv[1:3]
SIDE, CHAINS, PASSES, THREADS = map(int, sys.argv[3:])
BETA, STEP = 0.4, 0.01
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)
if " avx512f " in open("/proc/cpuinfo").read():
    os.environ["ATEN_CPU_CAPABILITY"] = "avx512"            # ATen keeps to AVX2 unless told


def in_numpy():
    import numpy as np
    draw = np.random.Generator(np.random.SFC64(1))
    if WHAT == "langevin":
        x = draw.standard_normal((CHAINS, SIDE), dtype=np.float32)
        noise = np.empty_like(x)
        root = np.float32((2 * STEP) ** 0.5)

        def step():
            nonlocal x
            draw.standard_normal(out=noise, dtype=np.float32)
            noise.__imul__(root)
            x += noise - np.float32(8 * STEP) * x * (x * x - 1)
        return step
    half = (CHAINS, SIDE, SIDE // 2)
    colors = [np.where(draw.random(half, dtype=np.float32) < 0.5, np.float32(1), np.float32(-1)) for _ in range(2)]
    even = (np.arange(SIDE) % 2 == 0)[:, None]
    luck, field = np.empty(half, np.float32), np.empty(half, np.float32)

    def sweep():
        for mine, other, shifted in ((colors[0], colors[1], even), (colors[1], colors[0], ~even)):
            # a place of one color has the other one's place of the same number beside it, and the one before or after by its row
            field[:] = other
            field.__iadd__(np.roll(other, 1, 1))
            field.__iadd__(np.roll(other, -1, 1))
            field.__iadd__(np.where(shifted, np.roll(other, 1, 2), np.roll(other, -1, 2)))
            draw.random(out=luck, dtype=np.float32)
            np.multiply(field, np.float32(-2 * BETA), out=field)
            np.exp(field, out=field)
            field.__iadd__(np.float32(1))
            np.multiply(luck, field, out=luck)
            np.copysign(np.float32(1), np.float32(1) - luck, out=mine)
    return sweep


def in_torch():
    import torch
    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    if WHAT == "langevin":
        x = torch.randn(CHAINS, SIDE)
        if PEER == "eager":
            def step():
                nonlocal x
                x = x.detach().requires_grad_()
                (g,) = torch.autograd.grad((2 * (x * x - 1) ** 2).sum(), x)
                x = x.detach() - STEP * g + (2 * STEP) ** 0.5 * torch.randn_like(x)
            return step

        @torch.jit.script
        def steps(x, n: int, step: float):
            noise = torch.empty_like(x)
            for _ in range(n):
                noise.normal_(0.0, (2 * step) ** 0.5)
                x = torch.addcmul(torch.add(noise, x), x, x * x - 1, value=-8 * step)
            return x
        return lambda n=1: steps(x, n, STEP)
    half = (CHAINS, SIDE, SIDE // 2)
    a, b = torch.randint(0, 2, half) * 2.0 - 1, torch.randint(0, 2, half) * 2.0 - 1
    even = (torch.arange(SIDE) % 2 == 0)[:, None].expand(half).contiguous()

    @torch.jit.script
    def color(other, shifted, beta: float):
        field = other + torch.roll(other, 1, 1) + torch.roll(other, -1, 1) + torch.where(shifted, torch.roll(other, 1, 2), torch.roll(other, -1, 2))
        odds = torch.sigmoid(field * (2 * beta))
        return (torch.rand_like(odds) < odds).to(torch.float32) * 2.0 - 1.0

    @torch.jit.script
    def sweeps(a, b, even, n: int, beta: float):
        odd = ~even
        for _ in range(n):
            a = color(b, even, beta)
            b = color(a, odd, beta)
        return a, b
    return lambda n=1: sweeps(a, b, even, n, BETA)


def main():
    run = in_numpy() if PEER == "numpy" else in_torch()
    whole = PEER == "torch"                                  # takes the number of passes
    for _ in range(3):
        run(2) if whole else run()
    wall, cpu = time.perf_counter(), time.process_time()
    if whole:
        run(PASSES)
    else:
        for _ in range(PASSES):
            run()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


main()
