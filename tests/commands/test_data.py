"""`textvae data`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import ROOT

from textvae.cli import main


def test_check_reports_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = ["--data.path", str(ROOT / "data" / "sample"), "--data.name", "reviews"]
    assert main(["data", "check", *sample, "--cache", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "train: 24,000 sentences" in shown and "1,000 references" in shown


def test_check_names_the_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "--data.path", str(tmp_path / "no"), "--cache", str(tmp_path / "c")]) == 2
    assert str(tmp_path / "no") in capsys.readouterr().err


def test_sample_writes_the_bundled_files(tmp_path: Path) -> None:
    assert main(["data", "sample", str(tmp_path)]) == 0
    names = sorted(p.name for p in (ROOT / "data" / "sample").iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (ROOT / "data" / "sample" / name).read_bytes()


def test_download_of_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "download", "nonsense"]) == 2
    assert "yelp" in capsys.readouterr().err
