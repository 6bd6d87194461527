"""A style engine that is small enough for tests: networks, a tokenizer, and the folder they lie in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS, TEXT = 4, 8
WORDS = ("cubism", "by", "picasso")
MERGES = (
    "b y</w>",
    "c u",
    "cu b",
    "cub i",
    "cubi s",
    "cubis m</w>",
    "p i",
    "pi c",
    "pic a",
    "pica s",
    "picas s",
)
MakeEngine = Callable[..., Path]


def write_engine(
    folder: Path,
    *,
    scheduler: dict[str, Any] | None = None,
    unet: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
) -> Path:
    """An engine with a cell of 2 pixels, a multiple of 4 and linear networks. Arguments change its configurations."""
    configs: dict[str, dict[str, Any]] = {
        "scheduler/scheduler_config.json": {
            "_class_name": "DDIMScheduler",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "steps_offset": 1,
            "set_alpha_to_one": False,
            **(scheduler or {}),
        },
        "unet/config.json": {"block_out_channels": [4, 4], "sample_size": 32, **(unet or {})},
        "vae_decoder/config.json": {"block_out_channels": [4, 4], "scaling_factor": 0.18215},
    }
    if recipe is not None:
        configs["engine.json"] = recipe
    for name, content in configs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    write_tokenizer(folder / "tokenizer")
    takes_guidance = bool((unet or {}).get("time_cond_proj_dim"))
    for part, model in networks(takes_guidance).items():
        (folder / part).mkdir(exist_ok=True)
        onnx.save(model, folder / part / "model.onnx")
    return folder


def write_tokenizer(folder: Path) -> None:
    """CLIP's kind of vocabulary, with letters, digits, some signs and a few merges."""
    signs = [chr(n) for n in range(33, 127)]
    vocabulary = [*signs, *(sign + "</w>" for sign in signs), *("".join(merge.split()) for merge in MERGES)]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    roles = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77, **roles}))


def networks(takes_guidance: bool = False) -> dict[str, onnx.ModelProto]:
    """text_encoder: token numbers / 100. vae_encoder, vae_decoder: convolutions by 2x2. unet: half of the sample, plus
    a colour that depends on the text, plus timestep / 10000 (and the guidance embedding's sum).
    """
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 0.3, (CHANNELS, 3, 2, 2))
    colour = [("colour", [[[[0.4]], [[-0.3]], [[0.2]], [[0.1]]]])]
    return {
        "text_encoder": _model(
            [("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])],
            ("last_hidden_state", ["batch_size", "sequence_length", TEXT]),
            [
                ("Cast", ["input_ids"], "numbers", {"to": TensorProto.FLOAT}),
                ("Unsqueeze", ["numbers", "last"], "column", {}),
                ("Mul", ["column", "hundredth"], "last_hidden_state", {}),
            ],
            [("last", np.array([2])), ("hundredth", np.full((1, 1, TEXT), 0.01))],
        ),
        "vae_encoder": _model(
            [("sample", TensorProto.FLOAT, ["batch_size", 3, "sample_height", "sample_width"])],
            ("latent_parameters", ["batch_size", 2 * CHANNELS, "h", "w"]),
            [("Conv", ["sample", "kernel", "bias"], "latent_parameters", {"strides": [2, 2]})],
            [
                ("kernel", np.concatenate([mean, 0 * mean])),
                ("bias", np.repeat([0.0, -4.0], CHANNELS)),
            ],
        ),
        "unet": _model(
            [
                ("sample", TensorProto.FLOAT, ["batch_size", CHANNELS, "height", "width"]),
                ("timestep", TensorProto.FLOAT, []),
                ("encoder_hidden_states", TensorProto.FLOAT, ["batch_size", "sequence_length", TEXT]),
                *([("timestep_cond", TensorProto.FLOAT, ["batch_size", 8])] if takes_guidance else []),
            ],
            ("out_sample", ["batch_size", CHANNELS, "height", "width"]),
            [
                ("Mul", ["sample", "half"], "halved", {}),
                ("ReduceMean", ["encoder_hidden_states"], "text", {"keepdims": 0}),
                ("Mul", ["text", "colour"], "tint", {}),
                ("Mul", ["timestep", "small"], "time", {}),
                ("Add", ["halved", "tint"], "tinted", {}),
                ("Add", ["tinted", "time"], "timed" if takes_guidance else "out_sample", {}),
                *(
                    [
                        ("ReduceSum", ["timestep_cond"], "guidance", {"keepdims": 0}),
                        ("Add", ["timed", "guidance"], "out_sample", {}),
                    ]
                    if takes_guidance
                    else []
                ),
            ],
            [("half", 0.5), ("small", 1e-4), *colour],
        ),
        "vae_decoder": _model(
            [("latent_sample", TensorProto.FLOAT, ["batch_size", CHANNELS, "latent_height", "latent_width"])],
            ("sample", ["batch_size", 3, "h", "w"]),
            [("ConvTranspose", ["latent_sample", "kernel"], "sample", {"strides": [2, 2]})],
            [("kernel", mean)],
        ),
    }


def _model(
    inputs: list[tuple[str, int, list[Any]]],
    output: tuple[str, list[Any]],
    nodes: list[tuple[str, list[str], str, dict[str, Any]]],
    constants: list[tuple[str, Any]],
) -> onnx.ModelProto:
    def constant(value: Any) -> np.ndarray:
        array = np.asarray(value)
        return array if array.dtype == np.int64 else array.astype(np.float32)

    graph = helper.make_graph(
        [helper.make_node(kind, ins, [out], **options) for kind, ins, out, options in nodes],
        "network",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(constant(value), name) for name, value in constants],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
