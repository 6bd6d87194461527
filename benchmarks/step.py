#!/usr/bin/env python3
"""One optimisation step (loss and gradient) at 512x512: onnxruntime against torch eager autograd, two threads each, turn about."""

import statistics
from time import perf_counter

import numpy as np
import torch

from glaze_export.export import build_module
from glaze_models import ENCODERS
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder

ROUNDS = 9


def main() -> None:
    torch.set_num_threads(2)
    image = np.random.default_rng(0).random((512, 512, 3)).astype(np.float32)
    for card in ENCODERS.values():
        encoder, module = Encoder(card, CPU), build_module(card)
        target = encoder.encode(image) + 1

        def with_torch(module=module, target=target):
            x = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).requires_grad_()
            (module(x) - torch.from_numpy(target)).square().sum().backward()

        def with_onnxruntime(encoder=encoder, target=target):
            encoder.value_and_grad(image, target)

        seconds = {with_torch: [], with_onnxruntime: []}
        for _ in range(ROUNDS + 1):
            for work, taken in seconds.items():
                start = perf_counter()
                work()
                taken.append(perf_counter() - start)
        ours, theirs = (statistics.median(seconds[work][1:]) for work in (with_onnxruntime, with_torch))
        print(f"{card.name}: onnxruntime {ours:.3f} s, torch {theirs:.3f} s, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
