"""Style targets by Stable Diffusion, as in Glaze (Shan et al. 2023, section 5.2): image to image, towards a prompt."""

from pathlib import Path

import numpy as np

from glaze_runtime.arrays import Image, Latent
from glaze_runtime.devices import CPU, Device
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise.diffusion.engine import Engine
from glaze_runtime.stylise.diffusion.img2img import Predict, guidance_embedding, guided, img2img
from glaze_runtime.stylise.diffusion.network import Network
from glaze_runtime.stylise.diffusion.schedules import Draw
from glaze_runtime.stylise.diffusion.tokenizer import ClipTokenizer


class DiffusionStylist:
    """The style engine in `folder`, on `device`; the same seed, picture and prompt give the same target.

    A network is opened when it is needed and dropped after, so memory holds the largest of them, not all.

    Example:
        >>> stylist = DiffusionStylist(find_engine("sd15"))
        >>> target = stylist.stylise(image, "cubism by Picasso")

    Raises:
        ModelError: the engine is incomplete or damaged.
        OptionError: the package tokenizers is not installed.
    """

    def __init__(self, folder: Path, device: Device = CPU, seed: int = 0) -> None:
        self.engine = Engine.read(folder)
        self.device = device
        self.seed = seed
        self._tokenizer = ClipTokenizer(folder / "tokenizer")
        self._texts: dict[str, Latent] = {}

    def stylise(self, image: Image, style: str) -> Image:
        """`image` [H,W,3] in 0..1, painted as the prompt `style` says; the same size.

        It is worked on at the recipe's longest side and resized back.

        Raises:
            ModelError: a network cannot be loaded or run, or what it gives is no number.
            DeviceError: the device refuses a network.
        """
        height, width = image.shape[:2]
        small = resize(image, self.engine.fit((height, width))).clip(0, 1)
        draw = _normal(self.seed)
        return resize(self.paint(small, style, draw), (height, width)).clip(0, 1)

    def paint(self, image: Image, prompt: str, draw: Draw) -> Image:
        """`image` [H,W,3], height and width multiples of the engine's `multiple`, painted at its own size.

        Noise is drawn for the encoder's sample, then to start from, then for each step that needs it: diffusers' order.
        """
        scale = np.float32(self.engine.scale)
        latent = scale * self._encode(image, draw)
        latent = self._denoise(latent, prompt, draw)
        return self._decode(latent / scale)

    def _text(self, prompt: str) -> Latent:
        if prompt not in self._texts:
            tokens = self._tokenizer(prompt)
            encode = self._network("text_encoder", sequence_length=tokens.shape[1])
            self._texts[prompt] = encode("last_hidden_state", input_ids=tokens)
        return self._texts[prompt]

    def _encode(self, image: Image, draw: Draw) -> Latent:
        """A sample of the encoder's latent distribution: as the network was trained."""
        encode = self._network("vae_encoder", sample_height=image.shape[0], sample_width=image.shape[1])
        planes = 2 * image.transpose(2, 0, 1)[None] - 1
        mean, log_variance = np.split(encode("latent_parameters", sample=planes), 2, axis=1)
        return mean + np.exp(0.5 * log_variance.clip(-30, 20)) * draw(mean.shape)

    def _denoise(self, latent: Latent, prompt: str, draw: Draw) -> Latent:
        engine, guidance = self.engine, self.engine.recipe.guidance
        with_text, without, extra = self._text(prompt), None, {}
        if engine.guidance_size:
            extra["timestep_cond"] = guidance_embedding(guidance, engine.guidance_size)
        elif guidance > 1:
            without = self._text("")
        height, width = latent.shape[2:]
        unet = self._network("unet", height=height, width=width, sequence_length=with_text.shape[1])

        def ask(text: Latent) -> Predict:
            return lambda x, timestep: unet(
                "out_sample", sample=x, timestep=np.array(timestep), encoder_hidden_states=text, **extra
            )

        predict = ask(with_text) if without is None else guided(ask(with_text), ask(without), guidance)
        return img2img(latent, schedule=engine.schedule(), predict=predict, draw=draw)

    def _decode(self, latent: Latent) -> Image:
        decode = self._network("vae_decoder", latent_height=latent.shape[2], latent_width=latent.shape[3])
        planes = decode("sample", latent_sample=latent)
        picture: Image = (planes[0].transpose(1, 2, 0) / 2 + 0.5).clip(0, 1)
        return picture

    def _network(self, part: str, **dims: int) -> Network:
        return Network(self.engine.folder / part / "model.onnx", self.device, dims)


def _normal(seed: int) -> Draw:
    rng = np.random.default_rng(seed)
    return lambda shape: rng.standard_normal(shape, np.float32)
