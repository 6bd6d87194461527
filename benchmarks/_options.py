"""The options that benchmarks on a folder of pictures have in common."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path


def options(about: str | None) -> ArgumentParser:
    """PICTURES, INSTRUMENT, --output, --only and --docs; `about` is what the benchmark says of itself."""
    parser = ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("instrument", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", type=int)
    parser.add_argument("--docs", type=Path)
    return parser
