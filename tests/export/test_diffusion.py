"""Style engines against diffusers and optimum: schedules number by number, tokens, and whole pictures."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as PillowImage

from glaze_export import cli
from glaze_models.errors import ModelError, OptionError
from glaze_runtime.stylise.diffusion import DiffusionStylist
from glaze_runtime.stylise.diffusion.schedules import PREDICTIONS, SCHEDULES, Training
from glaze_runtime.stylise.diffusion.tokenizer import ClipTokenizer

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")
pytest.importorskip("optimum.onnxruntime")
pytest.importorskip("tokenizers")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]  # diffusers and torch warn of their own future

SD1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PROMPT = "cubism by Picasso"
IMAGE = np.random.default_rng(5).integers(0, 256, (32, 48, 3), np.uint8)
SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "euler": "EulerDiscreteScheduler",
    "turbo": "EulerDiscreteScheduler",
    "lcm": "LCMScheduler",
}


def scheduler(name: str, **config: Any) -> Any:
    if name == "turbo":
        config["timestep_spacing"] = "trailing"
    if name == "ddim":
        config["clip_sample"] = False
    return getattr(diffusers, SCHEDULERS[name])(**SD1, **config)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(
    ("name", "steps", "strength", "config"),
    [
        ("ddim", 50, 0.5, {"steps_offset": 1, "set_alpha_to_one": False}),
        ("ddim", 7, 1.0, {"timestep_spacing": "trailing"}),
        ("ddim", 9, 0.7, {"timestep_spacing": "linspace"}),
        ("ddim", 10, 0.5, {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}),
        ("euler", 20, 0.5, {"steps_offset": 1, "timestep_spacing": "leading"}),
        ("euler", 11, 1.0, {"timestep_spacing": "linspace"}),
        ("turbo", 4, 0.5, {}),
        ("turbo", 3, 1.0, {}),
        ("lcm", 4, 0.5, {}),
        ("lcm", 2, 1.0, {}),
        ("lcm", 3, 0.8, {"timestep_scaling": 5.0, "original_inference_steps": 40}),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else str(value),
)
def test_schedules_are_those_of_diffusers(
    name: str, steps: int, strength: float, config: dict[str, Any], prediction: str
) -> None:
    theirs = getattr(diffusers, SCHEDULERS[name])(
        **{**SD1, **scheduler(name).config, **config, "prediction_type": prediction}
    )
    ours = SCHEDULES[name](Training.from_config(theirs.config), steps, strength)
    if name == "lcm":
        theirs.set_timesteps(steps, strength=strength)
        timesteps = theirs.timesteps
    else:
        theirs.set_timesteps(steps)
        timesteps = theirs.timesteps[steps - int(steps * strength) :]
    assert ours.timesteps == pytest.approx(timesteps.numpy(), abs=1e-4)

    rng = np.random.default_rng(0)
    clean, noise = rng.standard_normal((2, 1, 4, 6, 5), np.float32)
    if hasattr(theirs, "set_begin_index"):
        theirs.set_begin_index(len(theirs.timesteps) - len(timesteps))
    x = ours.start(clean, noise)
    y = theirs.add_noise(torch.from_numpy(clean), torch.from_numpy(noise), timesteps[:1])
    drawn = np.random.default_rng(1)
    torch_noise = np.random.default_rng(1)

    def randn_tensor(shape: Any, **_: Any) -> Any:
        return torch.from_numpy(torch_noise.standard_normal(tuple(shape), np.float32))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("diffusers.schedulers.scheduling_lcm.randn_tensor", randn_tensor)
        for index, timestep in enumerate(timesteps):
            shown = theirs.scale_model_input(y, timestep)
            assert x == pytest.approx(shown.numpy(), abs=1e-5, rel=1e-5)
            output = rng.standard_normal(clean.shape, np.float32)
            x = ours.step(index, x, output, lambda shape: drawn.standard_normal(shape, np.float32))
            y = theirs.step(torch.from_numpy(output), timestep, y)[0]
    # diffusers computes in float32: where x0 is given, it divides by 1 − a, which has lost digits near the end.
    tolerance = 5e-5 if prediction == "sample" else 1e-5
    assert x == pytest.approx(y.numpy(), abs=tolerance, rel=tolerance)


@pytest.mark.parametrize(
    "text",
    [
        PROMPT,
        "",
        "  Two   spaces,\n a line! ",
        "it's they'll 1999 (x-ray) 50%",
        "a, b; c: d? e... f---g",
        "by " * 100,
        "don''t stop",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_tokens_are_those_of_transformers(make_engine: Callable[..., Path], text: str) -> None:
    folder = make_engine() / "tokenizer"
    theirs = transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )
    assert (
        ClipTokenizer(folder)(text)[0].tolist()
        == theirs(text, padding="max_length", truncation=True).input_ids
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipeline(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture(scope="module")
def engine(source: Path) -> Path:
    folder = source.parent / "engine"
    result = CliRunner().invoke(
        cli.cli, ["style-pipeline", str(source), "-o", str(folder), "--longest-side", "64"]
    )
    assert result.exit_code == 0, result.output
    assert "ddim, 30 steps at strength 0.5, guidance 7.5, 64 pixels" in result.output
    return folder


def tiny_pipeline(folder: Path, *, guided_by: int | None = None) -> Path:
    """A Stable Diffusion pipeline with random weights, saved by diffusers; with `guided_by`, a latent consistency
    model."""
    write_tokenizer(folder)
    tokenizer = transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )
    torch.manual_seed(0)
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": transformers.CLIPTextModel(
            transformers.CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=40,
                num_hidden_layers=2,
                num_attention_heads=4,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        ),
        "vae": diffusers.AutoencoderKL(
            block_out_channels=(16, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=8,
        ),
        "unet": diffusers.UNet2DConditionModel(
            block_out_channels=(16, 32),
            layers_per_block=1,
            sample_size=32,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=8,
            time_cond_proj_dim=guided_by,
        ),
        "scheduler": scheduler("lcm" if guided_by else "ddim"),
    }
    nothing = dict.fromkeys(("safety_checker", "feature_extractor", "image_encoder"))
    kind = "LatentConsistencyModelPipeline" if guided_by else "StableDiffusionPipeline"
    pipeline = getattr(diffusers, kind)(**parts, **nothing, requires_safety_checker=False)
    pipeline.save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    letters = list(transformers.models.clip.tokenization_clip.bytes_to_unicode().values())
    merges = ["c u", "cu b", "b y</w>", "p i"]
    vocabulary = [*letters, *(letter + "</w>" for letter in letters), "cu", "cub", "by</w>", "pi"]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))


def torch_noise(seed: int) -> Callable[[tuple[int, ...]], Any]:
    generator = torch.Generator().manual_seed(seed)
    return lambda shape: torch.randn(shape, generator=generator).numpy()


def ours(engine: Path, recipe: dict[str, Any], prompt: str = PROMPT) -> Any:
    (engine / "engine.json").write_text(json.dumps(recipe))
    return DiffusionStylist(engine).paint(IMAGE.astype(np.float32) / 255, prompt, torch_noise(7))


def theirs(engine: Path, kind: str, change: Callable[[Any], Any], **options: Any) -> Any:
    import optimum.onnxruntime

    pipeline = getattr(optimum.onnxruntime, kind).from_pretrained(engine)
    pipeline.scheduler = change(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        PROMPT,
        image=PillowImage.fromarray(IMAGE),
        generator=torch.Generator().manual_seed(7),
        output_type="np",
        **options,
    ).images[0]


def psnr(one: Any, other: Any) -> float:
    return float(-10 * np.log10(np.square(one - other).mean()))


@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("name", ["ddim", "euler", "turbo"])
def test_pictures_are_those_of_optimum(engine: Path, name: str, guidance: float) -> None:
    recipe = {"schedule": name, "steps": 8, "guidance": guidance, "strength": 0.5}
    picture = ours(engine, recipe)
    spacing = {"timestep_spacing": "trailing"} if name == "turbo" else {}
    expected = theirs(
        engine,
        "ORTStableDiffusionImg2ImgPipeline",
        lambda config: getattr(diffusers, SCHEDULERS[name]).from_config(config, **spacing),
        strength=0.5,
        num_inference_steps=8,
        guidance_scale=guidance,
    )
    assert psnr(picture, expected) > 80
    assert psnr(picture, IMAGE / 255) < 20
    assert psnr(picture, ours(engine, recipe, "9")) < 75


def test_lcm_pictures_are_those_of_optimum(engine: Path) -> None:
    """In the plain pipeline, as LCM-LoRA is used; it is told our timesteps, as its own strength leaves steps out."""
    recipe = {"schedule": "lcm", "steps": 4, "guidance": 1.5, "strength": 0.5}
    expected = theirs(
        engine,
        "ORTStableDiffusionImg2ImgPipeline",
        diffusers.LCMScheduler.from_config,
        strength=1.0,
        timesteps=[499, 379, 259, 139],
        guidance_scale=1.5,
    )
    assert psnr(ours(engine, recipe), expected) > 80


@pytest.mark.parametrize("steps", [2, 4])
def test_pictures_of_a_latent_consistency_model(tmp_path: Path, steps: int) -> None:
    folder = tmp_path / "engine"
    model = tiny_pipeline(tmp_path / "model", guided_by=16)
    result = CliRunner().invoke(cli.cli, ["style-pipeline", str(model), "-o", str(folder)])
    assert result.exit_code == 0, result.output
    assert "lcm, 4 steps at strength 0.5, guidance 8.0, 64 pixels" in result.output
    expected = theirs(
        folder,
        "ORTLatentConsistencyModelImg2ImgPipeline",
        diffusers.LCMScheduler.from_config,
        strength=0.5,
        num_inference_steps=steps,
        guidance_scale=8.0,
    )
    assert psnr(ours(folder, {"steps": steps}), expected) > 80


def test_the_exported_engine_stylises(engine: Path) -> None:
    (engine / "engine.json").unlink(missing_ok=True)
    target = DiffusionStylist(engine).stylise(np.full((30, 70, 3), 0.5, np.float32), PROMPT)
    assert target.shape == (30, 70, 3)


def test_engines_with_weights_beside_the_networks(
    source: Path, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As optimum writes networks of over 2 GB: Stable Diffusion's unet is one."""
    monkeypatch.setenv("FORCE_ONNX_EXTERNAL_DATA", "1")
    folder = tmp_path / "engine"
    export(source, folder)
    assert (folder / "unet" / "model.onnx_data").stat().st_size > 1e6
    recipe = {"steps": 2}
    assert np.array_equal(ours(folder, recipe), ours(engine, recipe))


def export(source: Path, folder: Path, **choices: Any) -> Any:
    from glaze_export.diffusion import export_pipeline

    return export_pipeline(str(source), folder, **choices)


def test_pickled_weights_are_refused(source: Path, tmp_path: Path) -> None:
    model = shutil.copytree(source, tmp_path / "model")
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match=r"unet has no \.safetensors file, and pickled weights are not read"):
        export(model, tmp_path / "engine")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_damaged_weights_leave_nothing_behind(source: Path, tmp_path: Path) -> None:
    model = shutil.copytree(source, tmp_path / "model")
    weights = model / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        export(model, tmp_path / "engine")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_interrupted_export_leaves_nothing_behind(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(pipeline: Any, folder: Path, **_: Any) -> None:
        folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr("glaze_export.diffusion.onnx_export_from_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(source, tmp_path / "engine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"steps": 1}, "at least 2"),
        ({"schedule": "lcm", "steps": 26}, "25"),
        ({"guidance": -2.0}, "guidance -2.0"),
    ],
)
def test_recipes_that_do_not_fit(source: Path, tmp_path: Path, choices: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=re.escape(says)):
        export(source, tmp_path / "engine", **choices)
    assert list(tmp_path.iterdir()) == []


def test_folders_in_use_are_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(OptionError, match="is not empty"):
            export(source, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_no_pipeline(tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.safetensors"
    checkpoint.write_bytes(b"")
    for thing in (checkpoint, tmp_path):
        with pytest.raises(OptionError, match=r"no model_index\.json"):
            export(thing, tmp_path / "engine")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    with pytest.raises(ModelError, match="is a StableDiffusionXLPipeline"):
        export(tmp_path, tmp_path / "engine")
    with pytest.raises(OptionError, match="There is no folder 'nowhere'"):
        export(Path("nowhere"), tmp_path / "engine")


def test_without_a_network_the_hub_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("We couldn't connect.")

    monkeypatch.setattr("diffusers.DiffusionPipeline.download", unreachable)
    with pytest.raises(
        ModelError, match=r"someone/model cannot be fetched: We couldn't connect\. Check the name"
    ):
        export(Path("someone/model"), tmp_path / "engine")
