#!/usr/bin/env python3
"""How much of a picture decoders give back: the PSNR of D(E(x)) against x, in dB, mean over the pictures in a folder.

    benchmarks/decoder.py PICTURES [--encoder NAME_OR_ONNX]... [--decoder NAME_OR_SAFETENSORS] [--json]

Pictures are made what a trainer sees: longest side 512, sides cut to a multiple of 64, transparency over grey. ONNX
encoders take images in -1..1. A decoder's weights in training are looked at by their file.
"""

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from glaze_edge.files import read_picture
from glaze_edge.preprocess import as_trained, shown
from glaze_export.distil.data import pictures
from glaze_export.distil.teachers import teacher
from glaze_models import DECODERS, WeightsFile
from glaze_runtime.decoder import Decoder
from glaze_runtime.devices import CPU


def opened(given: str) -> Decoder:
    if given in DECODERS:
        return Decoder(DECODERS[given], CPU)
    file = Path(given)
    data = file.read_bytes()
    weights = WeightsFile(path=file, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    return Decoder(replace(DECODERS["sd1-small"], weights=weights), CPU)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("pictures", type=Path)
    options.add_argument("--encoder", action="append", help="default: sd1-a and sd1-b")
    options.add_argument("--decoder", default="sd1-small")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    decoder = opened(given.decoder)
    images = [as_trained(shown(read_picture(file))) for file in pictures(given.pictures)]
    found = {}
    for name in given.encoder or ["sd1-a", "sd1-b"]:
        encode = teacher(name, signed=True)
        errors = [np.square(decoder.decode(encode(image)) - image).mean() for image in images]
        found[Path(name).name] = round(float(np.mean(-10 * np.log10(errors))), 2)
    print(
        json.dumps(found) if given.json else "\n".join(f"{name}: {psnr} dB" for name, psnr in found.items())
    )


if __name__ == "__main__":
    main()
