"""Download MNIST's four published files, checked against pinned digests."""

import functools
import hashlib
import http.client
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically

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
"""SHA-256 of each published file. A recompressed file has another one, and is fine to load."""

MAX_BYTES = 16 << 20

Opener = Callable[[str], AbstractContextManager[BinaryIO]]
"""From a URL to its open body; raises OSError or HTTPException where there is none."""

_urlopen: Opener = functools.partial(urllib.request.urlopen, timeout=30)


def download_mnist(directory: Path, *, opener: Opener = _urlopen) -> None:
    """Bring the four published files into ``directory``, which is made where needed.

    A file that is there with the pinned digest is kept. Any other is replaced, in
    one rename, once the new one is complete and checked; an interrupted download
    leaves only complete files and goes on from there the next time.

    Args:
        directory: where the files go.
        opener: opens a URL; replaced in tests.

    Raises:
        InputError: no mirror gave a file with its digest, or it cannot be written.
    """
    for name, digest in DIGESTS.items():
        path = directory / name
        try:
            if path.is_file() and _sha256(path.read_bytes()) == digest:
                continue
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        write_atomically(path, _fetch(name, digest, opener))


def _fetch(name: str, digest: str, opener: Opener) -> bytes:
    """Return the body of a file from the first mirror that has it intact."""
    failures = []
    for mirror in MIRRORS:
        try:
            with opener(mirror + name) as response:
                body = response.read(MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{mirror}: {' '.join(str(error).split()) or type(error).__name__}")
            continue
        if len(body) > MAX_BYTES:
            failures.append(f"{mirror}: more than {MAX_BYTES} bytes")
        elif _sha256(body) != digest:
            failures.append(f"{mirror}: SHA-256 is not the published one")
        else:
            return body
    raise InputError(
        f"{name}: cannot be downloaded ({'; '.join(failures)}); "
        "accepted instead: --data-dir with a directory that holds the four MNIST files"
    )


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
