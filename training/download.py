"""Download one large file over HTTP: resumed if the connection breaks, complete or absent."""

from __future__ import annotations

import os
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


def download(url: str, target: Path, size: int, check: Callable[[Path], None]) -> None:
    """Download ``url`` to ``target``.

    Bytes are collected in ``TARGET.part``. After a broken connection, in this run or in an earlier
    one, only what is missing is requested. The part is renamed when it has its full size and
    passes the check.

    Args:
        url: of the file.
        target: where it goes; its folder is created.
        size: of the file, in bytes.
        check: raises DataError if the file is not the expected one, which is then removed.

    Raises:
        DownloadError: the server refuses, five attempts in a row yield nothing, or the file
            cannot be written. What has arrived is kept.
        DataError: from the check.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    if _size(part) > size:  # the beginning of another file
        part.unlink()
    _complete(url, part, size)
    try:
        check(part)
    except Exception:
        part.unlink()
        raise
    os.replace(part, target)


def _complete(url: str, part: Path, size: int) -> None:
    """Request what is missing until nothing is."""
    fruitless = 0
    with tqdm(desc=part.stem, total=size, unit="B", unit_scale=True, disable=None) as bar:
        while (before := _size(part)) < size:
            reason = "the connection broke"
            try:
                _fetch_rest(url, part, size, bar)
            except DownloadError:
                raise
            except (HTTPException, OSError) as error:
                reason = str(error)
            fruitless = 0 if _size(part) > before else fruitless + 1
            if fruitless == _ATTEMPTS:
                raise DownloadError(
                    f"{url}: {fruitless} attempts in a row yielded nothing ({reason}). {part} has "
                    f"{_size(part)} bytes; the same command resumes from there"
                )
            if _size(part) < size:
                time.sleep(PAUSE_SECONDS * 2**fruitless)


def _fetch_rest(url: str, part: Path, size: int, bar: tqdm) -> None:
    """One request."""
    start = _size(part)
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _too_short(url, part, size) from error
        if error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DownloadError(f"{url}: {error}") from error
        raise
    except ValueError as error:  # no scheme
        raise DownloadError(f"{url}: expected an http:// or https:// address") from error
    with response:
        goes_on = response.status == HTTPStatus.PARTIAL_CONTENT  # else it sends the whole file
        bar.n = start if goes_on else 0
        if response.length is not None and bar.n + response.length < size:
            raise _too_short(url, part, size)
        _write(response, part, "ab" if goes_on else "wb", bar)


def _too_short(url: str, part: Path, size: int) -> DownloadError:
    part.unlink(missing_ok=True)  # the beginning of that other file
    return DownloadError(
        f"{url}: expected {size} bytes, found a shorter file; try another server (--base-url)"
    )


def _write(response: HTTPResponse, part: Path, mode: str, bar: tqdm) -> None:
    try:
        with part.open(mode) as file:
            while block := _read(response):
                file.write(block)
                bar.update(len(block))
    except OSError as error:  # also from what is only written when the file is closed
        raise DownloadError(f"{part}: cannot be written: {error.strerror}") from error


def _read(response: HTTPResponse) -> bytes:
    """A block. If the connection breaks, the error is HTTP's, which a disk never raises."""
    try:
        return response.read(_BLOCK)
    except OSError as error:
        raise HTTPException(str(error)) from error


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
