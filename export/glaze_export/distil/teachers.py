"""What recipes learn the latent space from: encoders, as ONNX files or as cards."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from glaze_export import graphs
from glaze_models.errors import OptionError
from glaze_runtime.arrays import Latent, planes
from glaze_runtime.devices import CPU, open_session
from glaze_runtime.encoder import Encoder
from glaze_runtime.weights.catalogue import find_encoder

Teacher = Callable[[NDArray[np.float32]], Latent]
"""image [H,W,3] in 0..1 -> latent mean [1,C,H/stride,W/stride], before the generator's scale"""


def teacher(given: str, *, signed: bool, scale: float | None = None) -> Teacher:
    """The encoder that `given` names, a card's name or the path of an ONNX file, which takes an image in -1..1 if
    `signed`.

    Where `scale` is the generator's, latents of a card that have it already (the tiny family's) are brought to what
    they are before it; those of a file are taken to be so.

    Raises:
        OptionError: there is no such file or encoder.
        ModelError: the file cannot be run.
    """
    file = Path(given)
    if file.suffix != ".onnx":
        card = find_encoder(given)
        encoder, factor = Encoder(card, CPU), np.float32(card.scale / (scale or card.scale))
        return lambda pixels: factor * encoder.encode(pixels)
    if not file.is_file():
        raise OptionError(f"--teacher {file}: there is no such file. Check the path.")
    image = onnx.load(file, load_external_data=False).graph.input[0]

    @cache
    def session(*shape: int) -> onnxruntime.InferenceSession:
        named = zip(graphs.sizes(image), shape, strict=True)
        return open_session(file, CPU, dims={name: size for name, size in named if isinstance(name, str)})

    def encode(pixels: NDArray[np.float32]) -> Latent:
        x = planes(2 * pixels - 1 if signed else pixels)
        latent: Latent = session(*x.shape).run(None, {image.name: x})[0]
        return latent

    return encode
