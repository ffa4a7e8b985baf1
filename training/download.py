"""One large file over HTTP: resumed where a connection breaks, whole or not there."""

from __future__ import annotations

import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from tqdm import tqdm

from training.errors import DownloadError

PAUSE_SECONDS = 1.0
_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


def download(url: str, target: Path, check: Callable[[Path], None]) -> None:
    """Get ``url`` as ``target``.

    Bytes gather in ``TARGET.part``. After a broken connection, in this run or in an earlier one,
    only what is missing is asked for. The part is renamed when it has its full size and passes
    the check.

    Args:
        url: of the file.
        target: where it goes; its folder is made.
        check: raises DataError where the file is not what was expected; it is removed then.

    Raises:
        DownloadError: the server refuses, five attempts in a row bring nothing, or the file
            cannot be written. What has come is kept.
        DataError: of the check.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    _complete(url, part)
    try:
        check(part)
    except Exception:
        part.unlink()
        raise
    os.replace(part, target)


def _complete(url: str, part: Path) -> None:
    """Ask for what is missing until nothing is."""
    fruitless = 0
    with tqdm(desc=part.stem, unit="B", unit_scale=True, disable=None) as bar:
        while True:
            before, reason = _size(part), "the connection broke"
            try:
                if _fetch_rest(url, part, bar):
                    return
            except DownloadError:
                raise
            except (HTTPException, OSError) as error:
                reason = str(error)
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless == _ATTEMPTS:
                raise DownloadError(
                    f"{url}: {fruitless} attempts in a row brought nothing ({reason}). {part} has "
                    f"{_size(part)} bytes; the same command goes on from there"
                )
            time.sleep(PAUSE_SECONDS * 2**fruitless)


def _fetch_rest(url: str, part: Path, bar: tqdm) -> bool:
    """One request; whether the part is complete after it."""
    start = _size(part)
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _was_complete(part, error.headers.get("Content-Range"))
        if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DownloadError(f"{url}: {error}") from error
        raise
    except ValueError as error:  # no scheme
        raise DownloadError(f"{url}: expected an http:// or https:// address") from error
    with response:
        start, total = _extent(response, url)
        bar.total, bar.n = total, start
        _write(response, part, start, bar)
    return _size(part) == total


def _was_complete(part: Path, content_range: str | None) -> bool:
    """Whether nothing is missing from a part that a server has no more for; if not, it goes."""
    if content_range == f"bytes */{_size(part)}":
        return True
    part.unlink()
    return False


def _extent(response: HTTPResponse, url: str) -> tuple[int, int]:
    """Where the response begins and where the file ends, in bytes."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        extent = (int(found[1]), int(found[2])) if found else None
    else:  # the server sends the whole file, whatever was asked for
        length = response.headers.get("Content-Length", "")
        extent = (0, int(length)) if length.isdigit() else None
    if extent is None:
        raise DownloadError(f"{url}: expected a server that says how large the file is")
    return extent


def _write(response: HTTPResponse, part: Path, start: int, bar: tqdm) -> None:
    """What comes, from byte ``start`` of the part on."""
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while block := response.read(_BLOCK):
            try:
                file.write(block)
            except OSError as error:
                raise DownloadError(f"{part}: cannot be written: {error}") from error
            bar.update(len(block))


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
