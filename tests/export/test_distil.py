"""`glaze-edge-export distil`: it learns, the same way every time, and goes on where it was broken off."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from PIL import Image
from safetensors.numpy import load_file

from glaze_export import cli
from glaze_models import DECODERS, encoder_card
from glaze_models.errors import GlazeError, OptionError, UnreadablePicture, WeightsError
from glaze_models.learned_step import LEARNED_STEP
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder
from glaze_runtime.optimiser.budget import visibility_budget
from glaze_runtime.weights.binding import Weights, bind

torch = pytest.importorskip("torch")
from glaze_export.distil import encoder as responses  # noqa: E402
from glaze_export.distil import learned_step as learned  # noqa: E402
from glaze_export.distil import tasks, training  # noqa: E402
from glaze_export.distil.data import crops, pictures  # noqa: E402
from glaze_export.distil.decoder import distil  # noqa: E402
from glaze_export.distil.teachers import teacher  # noqa: E402
from glaze_export.encoders.surrogate import begun_as  # noqa: E402
from glaze_export.export import build_module  # noqa: E402
from glaze_export.learned_step import LearnedStep  # noqa: E402
from glaze_export.learned_step import begun_as as step_begun_as  # noqa: E402

CARD = DECODERS["sd1-small"]
PLAN = training.Plan(steps=4, batch=2, rate=2e-3, seed=0, bfloat16=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of waves, one of them grey, and a file that is none."""
    (tmp_path / "art" / "more").mkdir(parents=True)
    y, x = np.mgrid[:300, :400]
    waves = (127 + 100 * np.sin(x[..., None] / [9, 14, 20] + y[..., None] / [16, 11, 30])).astype(np.uint8)
    Image.fromarray(waves).save(tmp_path / "art" / "a.jpg")
    Image.fromarray(waves[:200, :, 0]).save(tmp_path / "art" / "more" / "b.png")
    (tmp_path / "art" / "LICENSES.csv").write_text("file,licence\n")
    return tmp_path / "art"


def told(stop: int) -> tuple[list[float], Callable[[int, float], None]]:
    """The losses of a training, and what it is to tell them to, which breaks it off in step `stop`."""
    losses: list[float] = []

    def on_step(step: int, loss: float) -> None:
        losses.append(loss)
        if step == stop:
            raise KeyboardInterrupt

    return losses, on_step


def asked(
    folder: Path,
    output: Path,
    plan: training.Plan,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> training.Training:
    return training.Training(
        plan=plan, pictures=folder, device=torch.device("cpu"), output=output, on_step=on_step
    )


def train(folder: Path, output: Path, plan: training.Plan = PLAN, stop: int = 0) -> list[float]:
    losses, on_step = told(stop)
    encode = Encoder(encoder_card("sd1-b"), CPU).encode
    distil(CARD, [encode], asked(folder, output, plan, on_step))
    return losses


@pytest.mark.slow
def test_the_loss_falls_and_the_weights_fit_the_graphs(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "weights.safetensors"
    plan = training.Plan(steps=40, batch=2, rate=2e-3, seed=0, bfloat16=False)
    losses = train(folder, output, plan)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    tensors = load_file(output)
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype(np.float16)}
    weights = Weights(file=output, tensors={n: t.astype(np.float32) for n, t in tensors.items()})
    for graph in CARD.graphs:
        bind(graph, weights)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["art", "weights.safetensors"]


def test_broken_off_and_taken_up_again_it_gives_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 2)
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    losses = train(folder, whole)
    with pytest.raises(KeyboardInterrupt):
        train(folder, parts, stop=3)
    assert train(folder, parts) == losses[2:]
    assert parts.read_bytes() == whole.read_bytes()


def test_the_state_of_another_plan_is_not_taken_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 2)
    output = tmp_path / "weights.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(folder, output, stop=3)
    other = training.Plan(steps=5, batch=2, rate=2e-3, seed=0, bfloat16=False)
    with pytest.raises(OptionError, match=r"weights.safetensors.state was begun with .*'steps': 4"):
        train(folder, output, other)


def test_crops_follow_the_seed(folder: Path) -> None:
    files = pictures(folder)
    assert [file.name for file in files] == ["a.jpg", "b.png"]
    first = crops(files, side=64, each=2, seed=0)
    assert (first.shape, first.dtype) == ((4, 64, 64, 3), np.uint8)
    np.testing.assert_array_equal(first, crops(files, side=64, each=2, seed=0))
    assert (first != crops(files, side=64, each=2, seed=1)).any()
    assert (first[0] != first[1]).any()


def test_a_picture_smaller_than_a_crop_is_enlarged(folder: Path) -> None:
    assert crops(pictures(folder), side=320, each=1, seed=0).shape == (2, 320, 320, 3)


def test_pictures_that_are_none(folder: Path, tmp_path: Path) -> None:
    (folder / "c.jpg").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(UnreadablePicture, match=r"c.jpg cannot be read"):
        crops(pictures(folder), side=64, each=1, seed=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="empty holds no picture"):
        pictures(tmp_path / "empty")


@pytest.mark.parametrize("signed", [True, False])
def test_a_teacher_may_be_an_onnx_file(tmp_path: Path, signed: bool) -> None:
    free = ["batch", 3, "height", "width"]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("AveragePool", ["x"], ["latent"], kernel_shape=[8, 8], strides=[8, 8])],
        "mean",
        [onnx.helper.make_tensor_value_info("x", 1, free)],
        [onnx.helper.make_tensor_value_info("latent", 1, ["batch", 3, "h", "w"])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "mean.onnx")
    encode = teacher(str(tmp_path / "mean.onnx"), signed=signed)
    latent = encode(np.full((16, 24, 3), 0.75, np.float32))
    np.testing.assert_allclose(latent, np.full((1, 3, 2, 3), 0.5 if signed else 0.75))


@pytest.mark.parametrize("given", ["none.onnx", "sd9"])
def test_an_unknown_teacher(given: str) -> None:
    with pytest.raises(GlazeError, match=given):
        teacher(given, signed=True)


def test_a_teachers_latents_are_brought_to_the_scale_before_the_generators() -> None:
    image = np.random.default_rng(0).random((16, 24, 3)).astype(np.float32)
    plain, asked = (teacher("sd1-a", signed=True, scale=scale)(image) for scale in (None, 0.13025))
    np.testing.assert_allclose(asked, plain * 0.18215 / 0.13025, rtol=1e-5)


def test_an_encoder_begins_as_another_with_a_head_of_its_own(tmp_path: Path) -> None:
    weights = encoder_card("sd1-b").weights
    assert weights is not None
    given = load_file(weights.path)
    begun = begun_as(weights.path, 16).state_dict()
    assert begun.keys() == given.keys()
    assert begun["head.weight"].shape == (16, *given["head.weight"].shape[1:])
    np.testing.assert_array_equal(begun["down1.weight"], given["down1.weight"].astype(np.float32))
    same = begun_as(weights.path, 4).state_dict()
    np.testing.assert_array_equal(same["head.bias"], given["head.bias"].astype(np.float32))
    with pytest.raises(WeightsError, match="holds no weights of the surrogate family"):
        begun_as(LEARNED_STEP.weights.path, 4)
    with pytest.raises(WeightsError, match="holds no learned step"):
        step_begun_as(weights.path)


def test_the_command(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "weights.safetensors"
    arguments = [str(folder), "--teacher", "sd1-a", "--teacher", "sd1-b", "-o", str(output), "--steps", "2"]
    result = CliRunner().invoke(cli.cli, ["distil", "decoder", *arguments, "--batch", "1", "--bfloat16"])
    assert result.exit_code == 0, result.output
    assert "weights.safetensors: 1.3 MB" in result.output
    assert output.stat().st_size < 2e6


class TestEncoder:
    """The recipe of an encoder, with the other bundled encoder as teacher."""

    def train(self, folder: Path, output: Path, stop: int = 0) -> list[float]:
        losses, on_step = told(stop)
        plan = training.Plan(steps=3 * responses.ROUNDS, batch=2, rate=2e-3, seed=0, bfloat16=False)
        teacher = Encoder(encoder_card("sd1-a"), CPU).encode
        responses.distil(encoder_card("sd1-b"), teacher, asked(folder, output, plan, on_step))
        return losses

    @pytest.mark.slow
    def test_it_comes_nearer_to_what_its_teacher_answers_also_when_broken_off(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(training, "SAVE_EVERY", responses.ROUNDS)
        whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
        losses = self.train(folder, whole)
        assert np.mean(losses[-responses.ROUNDS :]) < 0.9 * np.mean(losses[: responses.ROUNDS])
        with pytest.raises(KeyboardInterrupt):
            self.train(folder, parts, stop=responses.ROUNDS + 2)
        assert self.train(folder, parts) == losses[responses.ROUNDS :]
        assert parts.read_bytes() == whole.read_bytes()
        tensors = {name: array.astype(np.float32) for name, array in load_file(whole).items()}
        bind(encoder_card("sd1-b").step_graph, Weights(file=whole, tensors=tensors))


def test_the_command_of_an_encoder(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "weights.safetensors"
    begin = encoder_card("sd1-b").weights
    assert begin is not None
    arguments = [str(folder), "--card", "sdxl-a", "--teacher", "sd1-a", "--begin", str(begin.path)]
    arguments += ["-o", str(output), "--steps", "1", "--batch", "1"]
    result = CliRunner().invoke(cli.cli, ["distil", "encoder", *arguments])
    assert result.exit_code == 0, result.output
    assert "weights.safetensors: 1.3 MB" in result.output


class TestLearnedStep:
    """The recipe of the learned step."""

    plan = training.Plan(steps=16, batch=2, rate=2e-3, seed=0, bfloat16=False)

    def train(self, folder: Path, output: Path, stop: int = 0, plan: training.Plan = plan) -> list[float]:
        losses, on_step = told(stop)
        cards = [encoder_card("sd1-b"), encoder_card("sd1-a")]
        learned.distil(cards, asked(folder, output, plan, on_step))
        return losses

    @pytest.mark.slow
    def test_broken_off_and_taken_up_again_it_gives_the_same_bytes(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(training, "SAVE_EVERY", learned.ROUNDS)
        whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
        losses = self.train(folder, whole)
        with pytest.raises(KeyboardInterrupt):
            self.train(folder, parts, stop=10)
        assert self.train(folder, parts) == losses[learned.ROUNDS :]
        assert parts.read_bytes() == whole.read_bytes()
        names = {name: tensor.shape for name, tensor in load_file(whole).items()}
        assert names == {name: tensor.shape for name, tensor in load_file(LEARNED_STEP.weights.path).items()}

    @pytest.mark.slow
    def test_the_command_writes_weights(self, folder: Path, tmp_path: Path) -> None:
        output = tmp_path / "weights.safetensors"
        arguments = [str(folder), "-o", str(output), "--steps", "1", "--batch", "1"]
        result = CliRunner().invoke(cli.cli, ["distil", "learned-step", *arguments])
        assert result.exit_code == 0, result.output
        assert "weights.safetensors: 1.3 MB" in result.output

    @pytest.mark.slow
    def test_it_comes_closer_than_an_untrained_one(self, folder: Path, tmp_path: Path) -> None:
        output = tmp_path / "weights.safetensors"
        self.train(folder, output, plan=replace(self.plan, steps=5 * learned.ROUNDS))
        known = tasks.examples_of(asked(folder, folder / "none", PLAN))
        encoders = [build_module(encoder_card("sd1-b"))]

        def left(module: torch.nn.Module) -> float:
            """The mean of what is left after each step of a rollout."""
            rollouts = learned.Rollouts(known, encoders, self.plan, torch.device("cpu"))
            losses = []
            for step in range(learned.ROUNDS):
                loss = rollouts(module, step)
                loss.backward()
                losses.append(loss.item())
            return float(np.mean(losses))

        assert left(step_begun_as(output)) < 0.98 * left(LearnedStep())


def test_states_are_saved_between_tasks() -> None:
    """So that what is gone on with does not hang on a task begun before."""
    assert training.SAVE_EVERY % responses.ROUNDS == 0
    assert training.SAVE_EVERY % learned.ROUNDS == 0


class TestTasks:
    """They are in torch what the optimiser has."""

    def test_the_penalty_is_the_budgets(self) -> None:
        rng = np.random.default_rng(0)
        image = rng.random((64, 64, 3)).astype(np.float32)
        budget = visibility_budget(image, 1.0)
        share = (0.1 * rng.normal(size=image.shape)).astype(np.float32)
        parts = (image, image, budget.limit, budget.fine, budget.low, budget.mask[..., None])
        planes = (torch.from_numpy(part.transpose(2, 0, 1)[None].copy()) for part in parts)
        task = tasks.Task(
            **{field.name: plane for field, plane in zip(fields(tasks.Task), planes, strict=True)}
        )
        found = float(task.penalty(torch.from_numpy(share.transpose(2, 0, 1)[None])))
        assert found == pytest.approx(budget.penalty(budget.limit * share)[0], rel=1e-4)

    def test_parts_are_of_the_same_places(self, folder: Path) -> None:
        known = tasks.examples_of(asked(folder, folder / "none", PLAN))
        task = tasks.draw_tasks(known, count=8, part=96, seed=0, step=0, device=torch.device("cpu"))
        assert task.image.shape == task.target.shape == task.limit.shape == (8, 3, 96, 96)
        assert task.low.shape == (8, 3, 24, 24)
        images = known.images.transpose(0, 3, 1, 2) / np.float32(255)
        for image, target in zip(task.image.numpy(), task.target.numpy(), strict=True):
            (index, top, left) = next(
                (index, top, left)
                for index in range(len(images))
                for top in range(0, 161, 8)
                for left in range(0, 161, 8)
                if np.allclose(images[index, :, top : top + 96, left : left + 96], image, atol=1e-6)
            )
            there = known.targets[index, top : top + 96, left : left + 96] / np.float32(255)
            np.testing.assert_allclose(there.transpose(2, 0, 1), target, atol=1e-6)
