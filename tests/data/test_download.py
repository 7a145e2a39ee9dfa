import functools
import hashlib
import http.server
import shutil
import sys
import threading

import pytest
import requests

from cal_jax.data import download
from cal_jax.data.download import MIRRORS, download_mnist
from cal_jax.data.mnist import FILES
from cal_jax.errors import InputError

NAMES = tuple(f"{name}.gz" for name in FILES)
BODIES = {name: f"the published {name}".encode() for name in NAMES}


@pytest.fixture(autouse=True)
def published(monkeypatch):
    """Small bodies stand in for the published files."""
    monkeypatch.setattr(
        download,
        "DIGESTS",
        {name: hashlib.sha256(body).hexdigest() for name, body in BODIES.items()},
    )


class FakeMirrors:
    """A downloader that serves ``BODIES`` except where told otherwise, and records the URLs."""

    def __init__(self, *changes):
        self.answers = {mirror + name: body for mirror in MIRRORS for name, body in BODIES.items()}
        self.answers.update(changes)
        self.opened = []

    def __call__(self, url, file, _):
        self.opened.append(url)
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        file.write(answer)


def holds(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_pinned_digests_name_the_four_files():
    assert tuple(download.DIGESTS) == NAMES


def test_downloads_the_four_files_from_the_first_mirror(tmp_path):
    mirrors = FakeMirrors()
    download_mnist(tmp_path / "new" / "folder", downloader=mirrors)
    assert holds(tmp_path / "new" / "folder") == BODIES
    assert mirrors.opened == [MIRRORS[0] + name for name in NAMES]


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError("no network"),
        requests.exceptions.ChunkedEncodingError(),
        requests.Timeout(),
        b"<html>moved</html>",
        bytes(download.MAX_BYTES + 1),
    ],
    ids=["no network", "cut short", "timeout", "another body", "too large"],
)
def test_second_mirror_where_the_first_fails(tmp_path, failure):
    mirrors = FakeMirrors((MIRRORS[0] + NAMES[2], failure))
    download_mnist(tmp_path, downloader=mirrors)
    assert holds(tmp_path) == BODIES
    assert MIRRORS[1] + NAMES[2] in mirrors.opened


def test_no_mirror_is_one_line_that_offers_data_dir(tmp_path):
    mirrors = FakeMirrors(
        (MIRRORS[0] + NAMES[1], requests.ConnectionError("no\nnetwork")),
        (MIRRORS[1] + NAMES[1], b"wrong"),
    )
    with pytest.raises(
        InputError, match=rf"^{NAMES[1]}: .*no network.*SHA-256.*--data-dir"
    ) as caught:
        download_mnist(tmp_path, downloader=mirrors)
    assert "\n" not in str(caught.value)
    assert holds(tmp_path) == {NAMES[0]: BODIES[NAMES[0]]}


def test_body_is_not_read_past_the_cap(tmp_path):
    taken = []

    def endless(url, file, _):
        while True:
            file.write(bytes(1 << 20))
            taken.append(1 << 20)

    with pytest.raises(InputError, match=f"more than {download.MAX_BYTES} bytes"):
        download_mnist(tmp_path, downloader=endless)
    assert sum(taken) == len(MIRRORS) * download.MAX_BYTES
    assert holds(tmp_path) == {}


def test_good_files_are_kept_and_others_replaced(tmp_path):
    (tmp_path / NAMES[0]).write_bytes(BODIES[NAMES[0]])
    (tmp_path / NAMES[1]).write_bytes(b"half of it")
    mirrors = FakeMirrors()
    download_mnist(tmp_path, downloader=mirrors)
    assert mirrors.opened == [MIRRORS[0] + name for name in NAMES[1:]]
    assert holds(tmp_path) == BODIES


def test_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "move", full)
    with pytest.raises(InputError, match=rf"{NAMES[0]}: cannot be written: No space left"):
        download_mnist(tmp_path, downloader=FakeMirrors())
    assert holds(tmp_path) == {}


def test_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        download_mnist(tmp_path / "file" / "folder", downloader=FakeMirrors())


def test_default_downloader_over_http(tmp_path, monkeypatch):
    served, target = tmp_path / "served", tmp_path / "target"
    served.mkdir()
    for name, body in BODIES.items():
        (served / name).write_bytes(body)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        root = f"http://127.0.0.1:{server.server_port}/"
        # The first mirror answers 404: its error takes us to the second.
        monkeypatch.setattr(download, "MIRRORS", (root + "absent/", root))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        try:
            download_mnist(target)
        finally:
            server.shutdown()
            thread.join()
    assert holds(target) == BODIES


def test_without_pooch_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(InputError, match=r"pooch: not installed; accepted: .*\[experiments\]"):
        download_mnist(tmp_path, downloader=FakeMirrors())
