"""The download of the labelled data set, from a server on this machine that breaks connections."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from test.training.another_process import another_process_in
from training import download, prepare
from training.data.nyu_labelled import MAT_NAME, SPLITS_NAME, NyuLabelled, read_split
from training.errors import DataError, DownloadError

CONTENT = np.random.default_rng(0).bytes(300_000)
PICTURES = 1449  # of the labelled file


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path with ranges; each response breaks off after ``limit`` bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/file": CONTENT}
        self.limit: int | None = None
        self.ranges = True
        self.status: int | None = None
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        content = self.server.files.get(self.path)
        if content is None or self.server.status:
            self.send_error(self.server.status or 404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.server.ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            end = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        limit = self.server.limit
        self.wfile.write(content[start:][: len(content) if limit is None else limit])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, target: Path, check=lambda path: None) -> None:
    download.download(f"{server.url}/file", target, len(CONTENT), check)


def test_a_connection_that_breaks_is_resumed_until_the_file_is_whole(server, tmp_path):
    server.limit = 70_000
    get(server, tmp_path / "new" / "file")
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert server.asked == [None, *(f"bytes={70_000 * n}-" for n in range(1, 5))]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_an_earlier_run_is_resumed(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:123_456])
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == ["bytes=123456-"]


def test_a_part_that_was_complete_is_only_renamed(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert not server.asked


def test_a_part_longer_than_the_file_is_of_another_one(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_file_that_cannot_be_written_is_not_asked_for_again(server, tmp_path):
    part = tmp_path / "file.part"
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        with pytest.raises(DownloadError, match=r"file\.part: cannot be written: File too large$"):
            get(server, tmp_path / "file")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert part.read_bytes() == CONTENT[: part.stat().st_size]
    part.unlink()
    part.mkdir()
    with pytest.raises(DownloadError, match=r"file\.part: cannot be written: Is a directory$"):
        get(server, tmp_path / "file")
    assert len(server.asked) == 2


def test_a_server_without_ranges_starts_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "file.part").write_bytes(b"x" * 1000)
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("have", [0, 1000, 5000])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_with_a_shorter_file(server, tmp_path, have, ranges):
    server.files["/file"], server.ranges = CONTENT[:2000], ranges
    if have:
        (tmp_path / "file.part").write_bytes(CONTENT[:have])
    with pytest.raises(DownloadError, match=rf"/file: expected {len(CONTENT)} bytes, found a sh"):
        get(server, tmp_path / "file")
    assert not list(tmp_path.iterdir())  # nothing that another server's bytes would be added to
    assert len(server.asked) == 1


def test_when_nothing_comes_it_says_so_and_keeps_what_came(server, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    server.limit = 0
    with pytest.raises(DownloadError, match=r"/file: 5 attempts in a row yielded nothing .*1000 b"):
        get(server, tmp_path / "file")
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, 5)])
def test_a_server_that_refuses(server, tmp_path, status, asked):
    server.status = status
    with pytest.raises(DownloadError, match=rf"/file: .*HTTP Error {status}"):
        get(server, tmp_path / "file")
    assert len(server.asked) == asked


def test_what_is_no_address_is_told_at_once(tmp_path):
    with pytest.raises(DownloadError, match="nyu/file: expected an http:// or https:// address"):
        download.download("nyu/file", tmp_path / "file", 1, lambda path: None)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--depth", "filled"], "--depth is only for --convert"),
        (
            ["--convert", "data", "--out", "a.h5", "--base-url", "x"],
            "--base-url is only for a download",
        ),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options, says, capsys):
    with pytest.raises(SystemExit):
        prepare.main(options)
    assert says in capsys.readouterr().err


def test_no_server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:1/file: 5 attempts .*refused"):
        download.download("http://127.0.0.1:1/file", tmp_path / "file", 1, lambda path: None)


def test_what_fails_its_check_is_removed(server, tmp_path):
    def check(path: Path) -> None:
        raise DataError(f"{path}: not it")

    with pytest.raises(DataError, match=r"file\.part: not it"):
        get(server, tmp_path / "file", check)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory, write_nyu) -> Path:
    """Both files with as many images as the real ones, but very small ones."""
    count = PICTURES
    return write_nyu(
        tmp_path_factory.mktemp("nyu"),
        np.zeros((count, 2, 3, 3), np.uint8),
        np.ones((count, 2, 3), np.float32),
        ["office"] * count,
        train=range(1, 796),
        test=range(796, count + 1),
    )


def publish(monkeypatch, folder: Path) -> None:
    """Let these be the files that NYU publishes."""
    for name in (MAT_NAME, SPLITS_NAME):
        content = (folder / name).read_bytes()
        monkeypatch.setitem(prepare.BYTES, name, len(content))
        monkeypatch.setitem(prepare.SHA256, name, hashlib.sha256(content).hexdigest())


def serve(server: Server, folder: Path) -> None:
    server.files = {
        f"/nyu/nyu_depth_v2/{MAT_NAME}": (folder / MAT_NAME).read_bytes(),
        f"/nyu/indoor_seg_sup/{SPLITS_NAME}": (folder / SPLITS_NAME).read_bytes(),
    }


def test_the_command_gets_both_files_and_keeps_them(server, whole, tmp_path, monkeypatch, capsys):
    publish(monkeypatch, whole)
    serve(server, whole)
    server.limit = 300_000
    command = ["--out", str(tmp_path / "nyu"), "--base-url", f"{server.url}/nyu/"]
    assert prepare.main(command) == 0
    assert len(server.asked) > 2  # the large file came in pieces
    dataset = NyuLabelled(tmp_path / "nyu" / MAT_NAME, tmp_path / "nyu" / SPLITS_NAME, "test")
    assert (len(dataset), dataset[0]["index"]) == (654, 795)
    server.asked.clear()
    assert prepare.main(command) == 0
    assert not server.asked
    assert capsys.readouterr().out.count("already there") == 2


def test_a_file_that_another_process_downloads(server, whole, tmp_path, monkeypatch, capsys):
    publish(monkeypatch, whole)
    serve(server, whole)
    begun = tmp_path / f"{MAT_NAME}.part"
    begun.write_bytes(b"begun")
    with another_process_in(tmp_path, MAT_NAME):
        assert prepare.main(["--out", str(tmp_path), "--base-url", f"{server.url}/nyu"]) == 1
        assert f"{tmp_path}: another process is working in it" in capsys.readouterr().err
        assert begun.read_bytes() == b"begun"


@pytest.mark.parametrize("name", [MAT_NAME, SPLITS_NAME])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content + b"x", r"\.part: expected the \d+ bytes of .*, found \d+"),
        (
            lambda content: content[:-1] + bytes([content[-1] ^ 1]),
            r"expected the SHA-256 \w{64} of",
        ),
    ],
)
def test_not_the_published_bytes(server, whole, tmp_path, monkeypatch, capsys, name, damage, says):
    publish(monkeypatch, whole)
    serve(server, whole)
    (place,) = (path for path in server.files if path.endswith(name))
    server.files[place] = damage(server.files[place])
    assert prepare.main(["--out", str(tmp_path), "--base-url", f"{server.url}/nyu"]) == 1
    assert re.search(says, capsys.readouterr().err)
    assert not list(tmp_path.glob(f"{name}*"))


@pytest.mark.skipif("MOA_REAL_DATA" not in os.environ, reason="needs the real split")
def test_the_real_split():
    path = Path(os.environ["MOA_REAL_DATA"]) / "nyu_v2_metadata" / SPLITS_NAME
    prepare.check_bytes(path, SPLITS_NAME)
    train, test = (read_split(path, name, PICTURES) for name in ("train", "test"))
    assert sorted([*train, *test]) == list(range(PICTURES))
    assert train[0] == loadmat(path)["trainNdxs"][0, 0] - 1
