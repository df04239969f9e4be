"""What `textvae transfer` and `textvae summarize` take: a RUN or none, files, texts."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from textvae import registry
from textvae.commands import streams
from textvae.errors import UserError


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with the models `one` and `two`."""
    for name in ("one", "two"):
        (tmp_path / "package" / name).mkdir(parents=True)
    monkeypatch.setattr(registry, "FOLDER", tmp_path / "package")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def settled(*inputs: str, default: str = "one") -> tuple[str, list[str]]:
    args = argparse.Namespace(inputs=list(inputs))
    streams.settle(args, default)
    return args.run, args.files


def test_the_first_argument_is_a_run_where_it_names_one(models: Path) -> None:
    (models / "run").mkdir()
    (models / "text").write_text("a\n")
    assert settled("run", "text") == ("run", ["text"])
    assert settled("two", "text") == ("two", ["text"])
    one = str(registry.FOLDER / "one")  # no folder of people's own that has this name
    assert settled("text", "run") == (one, ["text", "run"])
    assert settled() == (one, [])
    assert settled("so good") == (one, ["so good"])
    with pytest.raises(UserError, match="name a RUN"):
        settled("text", default="three")


def test_a_folder_is_meant_before_a_model_of_its_name(models: Path) -> None:
    (models / "two").mkdir()
    assert settled("two")[0] == "two" and Path("two").is_dir()


def lines(*inputs: str) -> list[str]:
    return [line for source in streams.sources(inputs) for window in source.windows() for line in window]


def test_what_has_a_space_and_is_no_file_is_a_text(models: Path) -> None:
    (models / "my file").write_text("of the file\n")
    assert lines("the food was bland", "my file") == ["the food was bland", "of the file"]
    assert lines("one line\nand another ") == ["one line", "and another "]
    assert lines("so long " * 5_000) == ["so long " * 5_000]
    streams.check_files(["the food was bland", "my file", "-"])
    with pytest.raises(UserError, match="bland: no such file.*one, two"):
        streams.check_files(["bland"])
