"""The learned step: its committed graph, and that it computes what torch does."""

import numpy as np
import pytest

from glaze_models.learned_step import LEARNED_STEP
from glaze_runtime.devices import CPU
from glaze_runtime.weights.binding import load_weights

torch = pytest.importorskip("torch")
from glaze_export.learned_step import RATE, LearnedStep, export_learned_step  # noqa: E402
from glaze_runtime.optimiser import learned_step as runtime  # noqa: E402

RNG = np.random.default_rng(0)
ASKED = [RNG.normal(0, scale, (40, 56, 3)).astype(np.float32) for scale in (0.3, 0.02, 0.2, 2, 1)]


def in_torch(module: LearnedStep) -> np.ndarray:
    with torch.no_grad():
        share = module(*(torch.from_numpy(each.transpose(2, 0, 1)[None].copy()) for each in ASKED))
    return share[0].permute(1, 2, 0).numpy()


def test_the_committed_graph_is_what_is_exported() -> None:
    assert LEARNED_STEP.graph.read_bytes() == export_learned_step(LEARNED_STEP)


def test_agrees_with_torch() -> None:
    module = LearnedStep()
    tensors = load_weights(LEARNED_STEP).tensors
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    np.testing.assert_allclose(runtime.LearnedStep(CPU)(*ASKED), in_torch(module), atol=2e-5)


def test_untrained_it_descends_by_the_sign_of_a_clear_gradient() -> None:
    before, gradient = ASKED[2], ASKED[3]
    np.testing.assert_allclose(
        in_torch(LearnedStep()), (before - RATE * np.tanh(gradient)).clip(-1, 1), atol=1e-6
    )
