"""One file over HTTP that survives cut connections, slow servers and full disks. Standard library only.

Bytes go to `NAME.xxxxxxxx.part` beside the target (x: from the address, so that another revision never
continues this one) and become `NAME` by an atomic rename once they are complete and checked. A `.part` file
is always a true beginning of the file, whatever stopped the download, so the next run asks the server for the
rest (`Range`, RFC 9110 section 14). A server that does not know ranges starts over.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from textvae.errors import UserError
from textvae.files import fsync_folder, sha256

BLOCK = 1 << 16
LONGEST_PAUSE = 30.0
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}  # worth another try; other codes of HTTP are final
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server before giving up."""

    timeout: float = 30.0
    """Seconds without a byte after which a connection counts as dead."""
    retries: int = 5
    """Failures in a row, without a new byte between them, that are forgiven."""
    backoff: float = 1.0
    """Seconds before the first retry; doubled for each further one, up to LONGEST_PAUSE."""


class CutConnection(Exception):
    """The connection ended, or was silent too long, before the file was complete."""


def fetch(
    url: str,
    target: Path,
    check: Callable[[Path], None],
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> None:
    """Download `url` to `target`, continuing what an earlier run left.

    `check` gets the complete `.part` file and raises `UserError` if its content is wrong; the file is then
    removed. `progress` is called with (name, bytes so far, bytes in all or None).

    Raises:
        UserError: no such file, server out of reach, disk full, or what `check` raises.
    """
    part = part_file(url, target)
    part.parent.mkdir(parents=True, exist_ok=True)
    _complete(url, part, patience or Patience(), lambda done, total: progress and progress(target.name, done, total))
    try:
        check(part)
    except UserError:
        part.unlink()
        raise
    os.replace(part, target)
    fsync_folder(target.parent)


def part_file(url: str, target: Path) -> Path:
    """Where the bytes of `url` wait until they are complete."""
    return target.with_name(f"{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def check_sum(path: Path, name: str, expected: str, source: str) -> None:
    """Raise if the file's sha256 is not `expected`; `source` says where the expected value comes from."""
    found = sha256(path)
    if found != expected:
        raise UserError(f"{name}: wrong checksum. sha256 is {found}, expected {expected} ({source})")


def _complete(url: str, part: Path, patience: Patience, progress: Callable[[int, int | None], object]) -> None:
    """Call `_continue` until the file is complete or patience ends."""
    failures, most = 0, _size(part)
    while True:
        try:
            return _continue(url, part, patience.timeout, progress)
        except (
            CutConnection,
            http.client.HTTPException,
            urllib.error.URLError,
            ConnectionError,
            TimeoutError,
        ) as error:
            _refuse_final(url, error)
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures > patience.retries:
                raise _out_of_reach(url, error, part) from error
            time.sleep(min(LONGEST_PAUSE, patience.backoff * 2 ** (failures - 1)))


def _continue(url: str, part: Path, timeout: float, progress: Callable[[int, int | None], object]) -> None:
    """Append what is missing from `part`; raises `CutConnection` if the server stops early."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "textvae", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        if _total(error.headers.get("Content-Range")) == have:
            return  # complete: an earlier run was stopped between its last byte and the rename
        part.unlink()  # not a beginning of the server's file
        raise CutConnection("the server's file is shorter than what was kept of it") from error
    with response:
        start, total = _extent(response, have)
        _copy(response, part, start, total, progress)


def _extent(response: http.client.HTTPResponse, have: int) -> tuple[int, int | None]:
    """Offset of the first byte that the server sends, and the size of the whole file if it says so."""
    content_range = response.headers.get("Content-Range")
    if response.status == HTTPStatus.PARTIAL_CONTENT and content_range:
        if content_range.removeprefix("bytes ").split("-")[0].strip() == str(have):
            return have, _total(content_range)
        raise CutConnection(f"asked for bytes from {have}, was sent {content_range}")
    length = response.headers.get("Content-Length")
    return 0, int(length) if length and length.isdigit() else None


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    done: int,
    total: int | None,
    progress: Callable[[int, int | None], object],
) -> None:
    if total is not None and shutil.disk_usage(part.parent).free < total - done:
        raise _disk_full(part, total)  # said before the first byte, not after an hour
    try:
        # Unbuffered, so that every byte counted is a byte in the file.
        with open(part, "ab" if done else "wb", buffering=0) as out:
            while block := _read(response):
                write_block(out, block)
                done += len(block)
                progress(done, total)
            os.fsync(out.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full(part, total) from error
        raise UserError(f"cannot write {part}: {error.strerror or error}") from error
    if total is not None and done < total:
        raise CutConnection(f"connection cut after {done:,} of {total:,} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    """What has arrived, up to a block; b"" at the end. Tells errors of the network from those of the disk."""
    try:
        return response.read1(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise CutConnection(str(error) or type(error).__name__) from error


def write_block(out: BinaryIO, block: bytes) -> None:
    """All of a block (a raw write may take only part of it). Tests replace this to fill the disk."""
    view = memoryview(block)
    while view:
        view = view[out.write(view) :]


def _disk_full(part: Path, total: int | None) -> UserError:
    have = _size(part)
    needed = f"{total - have:,} more bytes are" if total is not None else "more space is"
    return UserError(
        f"disk full: {needed} needed in {part.parent}. The {have:,} bytes so far are kept in {part.name}; "
        "free some space and run the same command again"
    )


def _refuse_final(url: str, error: Exception) -> None:
    """Raise for answers that no retry will change."""
    if isinstance(error, urllib.error.HTTPError):
        if error.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise UserError(
                f"{url}: the server has no such file (HTTP {error.code}). It may have moved; data/README.md "
                "says where it comes from and how to put files in place by hand"
            ) from error
        if error.code not in TRANSIENT:
            raise UserError(f"{url}: the server refuses (HTTP {error.code} {error.reason})") from error
    elif isinstance(error, urllib.error.URLError) and "CERTIFICATE" in str(error.reason).upper():
        raise UserError(f"{url}: the server's certificate is not trusted ({error.reason})") from error


def _out_of_reach(url: str, error: Exception, part: Path) -> UserError:
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    kept = f" The {_size(part):,} bytes so far are kept in {part.name}." if part.exists() else ""
    return UserError(f"{url}: gave up ({reason}).{kept} Check the network and run the same command again")


def _total(content_range: str | None) -> int | None:
    """Size of the whole file from "bytes 10-99/100" or "bytes */100"."""
    size = (content_range or "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
