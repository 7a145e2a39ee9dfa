"""Download MNIST's four published files, checked against pinned digests."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
DIGESTS = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
"""SHA-256 of each published file; recompressed files differ and still load."""

MAX_BYTES = 16 << 20

Downloader = Callable[[str, io.FileIO, Any], Any]
"""(URL, file to write, pooch): as ``pooch.HTTPDownloader``; raises what requests raises."""


def download_mnist(directory: Path, *, downloader: Downloader | None = None) -> None:
    """Download the four published files into ``directory``, which is created if missing.

    A file with the pinned digest is kept. Any other is replaced atomically by a
    verified one; an interrupted download keeps its complete files and resumes
    with the others.

    Args:
        directory: of the files.
        downloader: writes a URL's body; None: over HTTP, 30 s to answer.

    Raises:
        InputError: no mirror has a file with its digest, or it cannot be written, or
            pooch is not installed.
    """
    try:
        import pooch
    except ImportError as error:
        raise InputError(
            "pooch: not installed; accepted: the extra cal-jax[experiments]"
        ) from error
    http = downloader or pooch.HTTPDownloader(timeout=30)
    for name, digest in DIGESTS.items():
        _retrieve(directory, name, digest, http)


class _Capped(io.FileIO):
    """A file of at most ``MAX_BYTES``."""

    def write(self, body: Any) -> int:
        if self.tell() + len(body) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        return super().write(body)


def _retrieve(directory: Path, name: str, digest: str, http: Downloader) -> None:
    """Keep a file, or download it from the first mirror with an intact copy."""
    import pooch
    import requests

    def capped(url: str, path: str, of: Any) -> None:
        with _Capped(path, "wb") as file:
            http(url, file, of)

    failures = []
    for mirror in MIRRORS:
        try:
            pooch.retrieve(mirror + name, f"sha256:{digest}", name, directory, downloader=capped)
            return
        except requests.RequestException as error:
            failures.append(f"{mirror}: {' '.join(str(error).split()) or type(error).__name__}")
        except OSError as error:
            raise InputError(f"{directory / name}: cannot be written: {error.strerror}") from error
        except ValueError as error:
            too_large = str(error).startswith("more than")
            what = str(error) if too_large else "SHA-256 is not the published one"
            failures.append(f"{mirror}: {what}")
    raise InputError(
        f"{name}: cannot be downloaded ({'; '.join(failures)}); "
        "accepted instead: --data-dir with a directory that holds the four MNIST files"
    )
