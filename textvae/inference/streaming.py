"""Lines in bounded memory: windows over any iterable, lines of a file or pipe as soon as they are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from textvae.errors import UserError

WINDOW_LINES = 1024
"""Lines transferred together: enough to form batches of one length, half a second of work on two cores."""
WINDOW_CHARS = 1 << 18
"""A window also ends here, so that long lines do not fill the memory."""
READ_BYTES = 1 << 16
"""Bytes asked of a file or pipe at once; Linux pipes hold no more."""
LINE_BYTES = 1 << 24
"""A longer line is an error: no text has one."""


class Readable(Protocol):
    """An unbuffered binary file: `read` returns what is there, at most `size` bytes, b"" only at the end."""

    def read(self, size: int, /) -> bytes | None: ...


def windows(lines: Iterable[str], max_lines: int = WINDOW_LINES, max_chars: int = WINDOW_CHARS) -> Iterator[list[str]]:
    """Cut any iterable of lines, endless ones too, into lists."""
    if max_lines < 1:
        raise UserError(f"a window has at least one line, not {max_lines}")
    window: list[str] = []
    chars = 0
    for line in lines:
        if not isinstance(line, str):
            raise TypeError(f"expected lines of text, got {type(line).__name__}: {line!r}")
        window.append(line)
        chars += len(line)
        if len(window) == max_lines or chars >= max_chars:
            yield window
            window, chars = [], 0
    if window:
        yield window


@dataclass
class LineSource:
    """Lines of a binary file or pipe. `lines` counts those handed out; `name` stands in messages.

    stop: bytes to read at most (a share of a file), or None for all.
    """

    handle: Readable
    name: str
    lines: int = 0
    stop: int | None = None

    def windows(self) -> Iterator[list[str]]:
        """What one read of the file brings, as lists of lines: a slow pipe is answered line by line.

        Raises UserError with file and line where the text is not UTF-8; the lines before it come first.
        """
        rest = b""
        for chunk in self.chunks():
            if b"\n" not in chunk:
                rest += chunk
                self.check_length(rest)
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            yield from self.decoded(lines)
        if rest:
            yield from self.decoded([rest])

    def chunks(self) -> Iterator[bytes]:
        """Blocks of bytes up to the end of the share."""
        left = self.stop
        while left is None or left > 0:
            chunk = self.handle.read(READ_BYTES if left is None else min(READ_BYTES, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk

    def decoded(self, lines: list[bytes]) -> Iterator[list[str]]:
        """Windows of text, with any error raised after the lines before it."""
        good: list[str] = []
        error: UnicodeDecodeError | None = None
        for raw in lines:
            self.check_length(raw)
            try:
                good.append(raw.removesuffix(b"\r").decode("utf-8-sig" if self.lines + len(good) == 0 else "utf-8"))
            except UnicodeDecodeError as problem:
                error = problem
                break
        for window in windows(good):
            self.lines += len(window)
            yield window
        if error is not None:
            raise UserError(
                f"{self.name}, line {self.lines + 1}: not UTF-8 (byte {error.object[error.start]:#04x} at "
                f"column {error.start + 1}); convert the file, e.g. with `iconv -f LATIN1 -t UTF-8`"
            )

    def check_length(self, line: bytes) -> None:
        """Refuse what is no line of text."""
        if len(line) > LINE_BYTES:
            raise UserError(f"{self.name}, line {self.lines + 1}: longer than {LINE_BYTES >> 20} MiB; is it text?")


Answer = Callable[[list[str], int], Iterable[str]]
"""Lines and the number of the first one to as many lines of output."""


def write(answer: Answer, inputs: Iterable[LineSource], out: IO[bytes], first: int = 0) -> int:
    """Answer all lines of all inputs in order; what is ready is flushed before more is read.

    Lines are counted from `first`; returns the number of the next one.
    """
    for source in inputs:
        for window in source.windows():
            for line in answer(window, first):
                out.write(line.encode() + b"\n")
            out.flush()
            first += len(window)
    return first


def finish(answer: Answer) -> None:
    """What there is to say when all lines are answered."""
    if (say := getattr(answer, "finish", None)) is not None:
        say()
