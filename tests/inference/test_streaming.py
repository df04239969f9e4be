"""Lines from anything that can be read, in windows, and files divided over processes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference import sharding, streaming
from textvae.inference.sharding import count_lines, line_start, share
from textvae.inference.streaming import LineSource, windows


class Drip:
    """A pipe that hands out its bytes in the given portions."""

    def __init__(self, portions: list[bytes]):
        self.portions = [p for p in portions if p]

    def read(self, size: int, /) -> bytes:
        if not self.portions:
            return b""
        portion = self.portions.pop(0)
        if len(portion) > size:
            self.portions.insert(0, portion[size:])
        return portion[:size]


def lines_of(data: bytes) -> list[str]:
    return [line for window in LineSource(io.BytesIO(data), "f").windows() for line in window]


def test_windows_end_by_lines_and_by_characters() -> None:
    assert list(windows(iter("abcde"), 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(windows(["x" * 60, "y" * 60, "z"], 10, max_chars=100)) == [["x" * 60, "y" * 60], ["z"]]
    assert list(windows([])) == []
    with pytest.raises(UserError, match="at least one line"):
        next(windows(["a"], 0))


def test_a_window_is_lazy() -> None:
    def lines() -> Iterator[str]:
        yield from ("a", "b", "c")
        raise AssertionError("read too far")

    assert next(windows(lines(), 2)) == ["a", "b"]


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))),
    st.booleans(),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_lines_come_back_however_the_bytes_are_cut(lines: list[str], last: bool, data: st.DataObject) -> None:
    if lines and lines[0].startswith("\ufeff"):
        lines[0] = "x"
    text = "\n".join(lines) + ("\n" if last and lines else "")
    whole = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    portions = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    source = LineSource(Drip(portions), "pipe")
    expected = text.split("\n")[:-1] if text.endswith("\n") or not text else text.split("\n")
    assert [line for window in source.windows() for line in window] == expected
    assert source.lines == len(expected)


def test_what_a_read_brings_is_answered_before_the_next_read() -> None:
    drip = Drip([b"one\ntw", b"o\n", b"three"])
    stream = LineSource(drip, "pipe").windows()
    assert next(stream) == ["one"] and len(drip.portions) == 2
    assert next(stream) == ["two"] and len(drip.portions) == 1
    assert list(stream) == [["three"]]


def test_line_ends_and_byte_order_mark() -> None:
    assert lines_of(b"\xef\xbb\xbfone\r\ntwo\rthree\n\n\x0b\xe2\x80\xa8four") == [
        "one",
        "two\rthree",
        "",
        "\x0b\u2028four",
    ]


def test_bad_bytes_are_told_with_file_and_line_after_the_good_lines() -> None:
    source = LineSource(io.BytesIO(b"good\nalso good\ncaf\xe9\nmore\n"), "reviews.txt")
    stream = source.windows()
    assert next(stream) == ["good", "also good"]
    with pytest.raises(UserError, match=r"reviews\.txt, line 3: not UTF-8 \(byte 0xe9 at column 4\)"):
        next(stream)


def test_utf16_is_refused_at_its_first_line() -> None:
    with pytest.raises(UserError, match="line 1: not UTF-8"):
        lines_of("good food\n".encode("utf-16"))


def test_an_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "LINE_BYTES", 1000)
    with pytest.raises(UserError, match="line 2: longer"):
        lines_of(b"short\n" + b"x" * 200_000)


# ------------------------------------------------------------------------------------------------ sharding
def write(folder: Path, contents: list[bytes]) -> list[Path]:
    paths = [folder / f"file{i}" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


@given(
    st.lists(
        st.lists(st.binary(max_size=9).map(lambda b: b.replace(b"\n", b"")), max_size=7),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(1, 6),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shares_are_the_files_in_order(tmp_path: Path, files: list[list[bytes]], ends: list[bool], world: int) -> None:
    contents = [b"\n".join(lines) + (b"\n" if end else b"") for lines, end in zip(files, ends, strict=False)]
    paths = write(tmp_path, contents)
    everything = [line for c in contents for line in c.split(b"\n")[: -1 if c.endswith(b"\n") or not c else None]]
    found: list[bytes] = []
    for rank in range(world):
        for span in share(paths, rank, world):
            assert span.first == len(found)
            content = contents[paths.index(span.path)]
            assert span.line == content[: span.start].count(b"\n")
            part = content[span.start : span.stop]
            found += part.split(b"\n")[: -1 if part.endswith(b"\n") else None]
    assert found == everything


def test_shares_are_balanced(tmp_path: Path) -> None:
    (path,) = write(tmp_path, [b"0123456\n" * 10_000])
    sizes = [sum(s.stop - s.start for s in share([path], r, 7)) for r in range(7)]
    assert sum(sizes) == 80_000 and max(sizes) - min(sizes) <= 16


def test_long_lines_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "BLOCK", 7)
    (path,) = write(tmp_path, [b"x" * 50 + b"\n" + b"y" * 50])
    assert [line_start(path, p, 101) for p in (0, 1, 50, 51, 52)] == [0, 51, 51, 51, 101]
    assert [count_lines(path, a, b) for a, b in ((0, 0), (0, 51), (0, 101), (51, 101))] == [0, 1, 2, 1]


def test_a_share_ends_where_it_should(tmp_path: Path) -> None:
    (path,) = write(tmp_path, [b"one\ntwo\nthree\n"])
    with open(path, "rb", buffering=0) as handle:
        handle.seek(4)
        source = LineSource(handle, os.fspath(path), lines=1, stop=4)
        assert list(source.windows()) == [["two"]] and source.lines == 2
