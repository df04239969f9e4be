"""Files that are either whole or not there: atomic writes, checksums; and text files read line by line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from textvae.errors import UserError

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 24
"""Characters that no line of text has."""


def fsync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut (POSIX needs the directory itself to be synced)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def atomic_write(path: str | Path, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; on success it replaces `path`, on any error nothing is left behind."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb" if binary else "w", encoding=None if binary else "utf-8") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(name, 0o666 & ~umask())
        os.replace(name, path)
        fsync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def atomic_copy(source: Path, target: Path) -> None:
    """Copy a file; the copy is whole or not there."""
    with open(source, "rb") as original, atomic_write(target, binary=True) as copy:
        shutil.copyfileobj(original, copy)


def umask() -> int:
    """The process's file mode mask; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_write(path) as handle:
        json.dump(value, handle, indent=2, ensure_ascii=False)
        handle.write("\n")


def sha256(path: str | Path) -> str:
    """Checksum of a file in hexadecimal, read in 1 MiB blocks."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def display(path: str | os.PathLike[str]) -> str:
    """A path that can be printed and put into JSON, even if its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def unreadable(path: str | os.PathLike[str], error: OSError) -> UserError:
    """The error for a file that the system does not let us read."""
    return UserError(
        f"{display(path)}: cannot be read ({error.strerror or error}); check that it is a file you may read"
    )


def read_lines(
    path: str | Path, max_chars: int = LONGEST_LINE, remedy: str = "put one record on a line"
) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end); LF and CRLF, with or without BOM or a last newline.

    Lines end at LF only: str.splitlines would also cut at U+0085 and U+2028, and shift every line after it. Reading is
    bounded by `max_chars`, so a file that is one line of 10 GB fails at once. Raises UserError with line and byte for
    bytes that are not UTF-8, NUL bytes and over-long lines, for which `remedy` says what to do.
    """
    limit = 4 * max_chars + 3
    number = 0
    try:
        with open(path, "rb") as handle:
            while line := handle.readline(limit):
                number += 1
                if number == 1:
                    line = line.removeprefix(BOM)
                try:
                    text = _decode(line.rstrip(b"\r\n"), max_chars, remedy)
                except ValueError as error:
                    raise UserError(f"{display(path)}:{number}: {error}") from error
                yield number, text
    except OSError as error:
        raise unreadable(path, error) from error


def _decode(line: bytes, max_chars: int, remedy: str) -> str:
    """The text of a line; ValueError says what is wrong with it."""
    if b"\0" in line:
        raise ValueError(f"byte {line.index(0) + 1} is NUL, so this is no UTF-8 text; {_encoding_help(line)}")
    if len(line) > 4 * max_chars:
        raise ValueError(f"over {max_chars} characters in one line, at most {max_chars} are allowed; {remedy}")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8"
        raise ValueError(f"{wrong}; {_encoding_help(line)}") from error
    if len(text) > max_chars:
        raise ValueError(f"{len(text)} characters in one line, at most {max_chars} are allowed; {remedy}")
    return text


def _encoding_help(line: bytes) -> str:
    if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it looks like UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`"
    return "convert the file, as with `iconv -f LATIN1 -t UTF-8`, or remove the line"


def default_cache() -> Path:
    """Where prepared data and trained instruments are kept between calls, unless somebody says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textvae"


@contextmanager
def output(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears when it is complete; a pipe or device (`/dev/stdout`) is written as it is."""
    try:
        special = path.exists() and not path.is_file()
        with open(path, "wb") if special else atomic_write(path.resolve(), binary=True) as handle:
            yield handle
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
