"""`textvae compress` and `decompress` with files and pipes, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from random_run import SENTENCES, make_run

from textvae.commands import compress, decompress

Run = Callable[..., tuple[int, bytes, str]]
TEXT = ("\n".join(SENTENCES[::200]) + "\nThe food was GREAT, caf\u00e9!\r\n\n\xff").encode("latin1")


@pytest.fixture
def both(run: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """`both(command module, *arguments)` to exit code, output and messages; the run is put in."""

    def call(module: object, *arguments: object, model: Path = run) -> tuple[int, bytes, str]:
        code = module.main([str(model), *map(str, arguments)])  # type: ignore[attr-defined]
        captured = capsysbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return call


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text").write_bytes(TEXT)
    return tmp_path / "text"


def test_a_file_and_back(both: Run, text: Path, tmp_path: Path) -> None:
    small = tmp_path / "new" / "small.tvae"
    code, out, err = both(compress, text, "--output", small)
    assert (code, out) == (0, b"") and f"{len(TEXT)} bytes to {small.stat().st_size}" in err
    assert both(decompress, small) == (0, TEXT, "")
    assert both(decompress, small, "-o", tmp_path / "back")[0] == 0 and (tmp_path / "back").read_bytes() == TEXT
    assert both(compress, text)[1] == small.read_bytes(), "standard output gets the same bytes"


def test_report_and_sweep(both: Run, text: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    arguments = ("--lossy", "--levels", 5, "--quantiser", "mulaw", "--report", "--json", "--ngram-corpus", text)
    text.write_text("\n".join(SENTENCES[::100]))
    code, _, err = both(compress, text, "-o", small, *arguments)
    found = json.loads(err.splitlines()[-1])
    assert code == 0 and 0 <= found["bleu"] <= 100 and 0 <= found["exact"] <= 1
    assert found["bits_per_line"]["xz -9"] < found["bits_per_line"]["as it is"]
    assert found["bits_per_line"]["textvae"] == pytest.approx(8 * small.stat().st_size / len(SENTENCES[::100]))
    assert "trigrams, unknown words free" in found["bits_per_line"]
    assert both(decompress, small, "--beam", 2)[1].count(b"\n") == len(SENTENCES[::100]) - 1
    code, out, _ = both(compress, text, "--sweep", "3,33", "--json")
    points = json.loads(out)
    assert code == 0 and [(p["quantiser"], p["levels"]) for p in points] == [
        ("uniform", 3),
        ("uniform", 33),
        ("mulaw", 3),
        ("mulaw", 33),
    ]
    for coarse, fine in (points[:2], points[2:]):
        assert coarse["bits_per_line"] < fine["bits_per_line"] and coarse["squared_error"] > fine["squared_error"]
    assert both(compress, text, "--sweep", "3")[1].count(b"\n") == 3


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign", "none"])
def test_nothing_half_is_left(both: Run, text: Path, tmp_path: Path, damage: str) -> None:
    small, back = tmp_path / "small", tmp_path / "back"
    text.write_text("\n".join(SENTENCES * 2))
    assert both(compress, text, "-o", small)[0] == 0
    data = bytearray(small.read_bytes())
    data[-40] ^= 1
    small.write_bytes({"flip": data, "cut": data[:-60], "foreign": b"PK\x03\x04" * 9, "none": b""}[damage])
    back.write_text("before")
    code, out, err = both(decompress, small, "-o", back)
    assert (code, out) == (2, b"") and str(small) in err and "Traceback" not in err
    assert back.read_text() == "before" and sorted(p.name for p in tmp_path.iterdir()) == ["back", "small", "text"]


def test_wrong_input(both: Run, text: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["/nowhere"], "no such file"),
        ([text, "--levels", 1], "levels must be"),
        ([text, "--sweep", "a,b"], "whole numbers"),
        (["-", "--report"], "give a FILE"),
        ([text, "--lossy", "--dictionary", text], "leave out"),
    ):
        code, out, err = both(compress, *arguments)
        assert (code, out) == (2, b"") and message in err
    model = make_run(tmp_path / "run", memory="full")
    code, _, err = both(compress, text, "-o", tmp_path / "small", model=model)
    assert code == 2 and "memory.kind none" in err and not (tmp_path / "small").exists()
