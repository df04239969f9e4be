"""Files are whole or not there; lines are read exactly or refused with their number."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from textvae import files
from textvae.errors import UserError
from textvae.files import atomic_write, read_lines, sha256, write_json


def test_text_and_bytes_arrive(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a" / "text") as handle:
        handle.write("né\n")
    with atomic_write(tmp_path / "bytes", binary=True) as handle:
        handle.write(b"\x00\xff")
    assert (tmp_path / "a" / "text").read_bytes() == "né\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_error_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path) as handle:
        handle.write("new" * 10_000)
        raise error
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file"]


def test_nobody_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_write(path) as handle:
        handle.write("new" * 10_000)
        handle.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new" * 10_000


def test_a_failing_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError), atomic_write(tmp_path / "file") as handle:
        handle.write("new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "file") as handle:
            handle.write("x")
    finally:
        assert os.umask(before) == mask, "the mask was changed"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_data_reach_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut can leave the name on an empty file."""
    events: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda fd: (events.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(files.os, "replace", lambda a, b: (events.append("replace"), replace(a, b))[1])
    with atomic_write(tmp_path / "file") as handle:
        handle.write("x")
    assert events == ["fsync", "replace", "fsync"]


def test_json_is_readable_by_people_and_machines(tmp_path: Path) -> None:
    value = {"é": [1, 2.5, None], "a": {"b": True}}
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == value and "é" in text and text.endswith("}\n") and "\n  " in text
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"bad": object()})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_checksums(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(b"a" * size)
    assert sha256(tmp_path / "x") == hashlib.sha256(b"a" * size).hexdigest()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"\xef\xbb\xbfa\r\n\nb\n", ["a", "", "b"]),
        ("a\u2028a\nb\x85\x0cb\rb\n\n".encode(), ["a\u2028a", "b\x85\x0cb\rb", ""]),
        ("é" * 10 + "\r\n", ["é" * 10]),
    ],
)
def test_lines_are_ended_by_lf_or_crlf_alone(tmp_path: Path, content: bytes | str, lines: list[str]) -> None:
    (tmp_path / "x").write_bytes(content.encode() if isinstance(content, str) else content)
    assert list(read_lines(tmp_path / "x", max_chars=10)) == list(enumerate(lines, start=1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\ncaf\xe9\n", r"x:2: byte 4 \(0xe9\) is not UTF-8; .*iconv -f LATIN1"),
        ("a\n".encode("utf-16"), r"x:1: byte 4 is NUL.*iconv -f UTF-16"),
        (b"a\n" * 3 + b"a" * 11, "x:4: 11 characters in one line, at most 10 are allowed; cut it"),
        (b"a" * 100 + b"\n", "x:1: over 10 characters in one line, at most 10 are allowed; cut it"),
    ],
)
def test_lines_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_lines(tmp_path / "x", max_chars=10, remedy="cut it"))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match=f"{path}: cannot be read"):
            list(read_lines(path))
