"""The flags that name what a program reads: images, oracles, weights."""

import argparse
from pathlib import Path


def add_image_flags(parser: argparse.ArgumentParser) -> None:
    """Where images are, and which of them a run is evaluated on."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="MNIST: the four IDX files (.gz or not), or a directory prepared by "
        "tensorflow-datasets; without it, scikit-learn's embedded 8x8 digits",
    )
    parser.add_argument(
        "--download",
        action="store_true",
        help="download MNIST first, into --data-dir or the user's cache",
    )
    parser.add_argument(
        "--held-back",
        type=int,
        default=0,
        metavar="COUNT",
        help="for choosing between configs: hold COUNT training images back and evaluate "
        "on them; test images stay unseen (default: 0, evaluate on test images)",
    )


def add_oracle_flag(parser: argparse.ArgumentParser) -> None:
    """Where trained oracles are."""
    parser.add_argument(
        "--oracle-dir",
        type=Path,
        metavar="O",
        help="where trained oracles are kept (default: oracles/ beside the run folder)",
    )


def add_weights_flag(parser: argparse.ArgumentParser) -> None:
    """A trained model's file."""
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", required=True, help="weights.safetensors of a run"
    )
