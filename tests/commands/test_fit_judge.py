"""`textvae fit-judge`: a judge of a small corpus, and more marks for it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from textvae.cli import main
from textvae.experiment import acceptance
from textvae.inference.acceptance import AcceptanceJudge

NOUNS = ("soup", "bread", "waiter", "room", "coffee", "music", "garden", "menu", "price", "view")
WORDS = {"0": ("bad", "awful", "poor"), "1": ("good", "great", "fine")}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A YAML file of a run on sixty sentences."""
    for split in ("train", "dev"):
        for label, words in WORDS.items():
            lines = [f"the {noun} was {word} ." for noun in NOUNS for word in words]
            lines = [line + " really" if split == "dev" else line for line in lines]
            (tmp_path / f"sentiment.{split}.{label}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = tmp_path / "run.yaml"
    path.write_text(f'data: {{path: {tmp_path}, labels: {{"0": negative, "1": positive}}}}\n', encoding="utf-8")
    return path


def marks(path: Path, repeat: int) -> Path:
    """The right word is accepted, a copy is not."""
    rows = ["source\twanted\toutput\tstyle\tcontent\tenglish\taccept"]
    for noun in NOUNS:
        rows += [f"the {noun} was bad .\tpositive\tthe {noun} was good .\t2\t2\t2\t1"] * repeat
        rows += [f"the {noun} was bad .\tpositive\tthe {noun} was bad .\t0\t2\t2\t0"] * repeat
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_fitted_and_fitted_again(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "Fitting", partial(acceptance.Fitting, members=2, steps=50, folds=2))
    folder, machine = tmp_path / "judge", tmp_path / "transfers.tsv"
    machine.write_text("sentiment\tsentence\ttransfer\n0\tthe soup was bad .\tgood the soup .\n", encoding="utf-8")
    arguments = ["fit-judge", str(config), "-o", str(folder), "--steps", "20", "--cache", str(tmp_path / "cache")]
    first = [str(marks(tmp_path / "first.tsv", 3))]
    assert main([*arguments, "--rewritings", str(machine), "--marks", *first]) == 0
    assert "acceptance" in capsys.readouterr().out
    judge = AcceptanceJudge.load(folder)
    assert set(judge.facts["agreement"]) == {"style × overlap", "all cheap features", "acceptance"}
    weights = judge.reader.embedding.weight.clone()
    assert main([*arguments, "--marks", *first, str(marks(tmp_path / "second.tsv", 2))]) == 0
    again = AcceptanceJudge.load(folder)
    assert (again.reader.embedding.weight == weights).all(), "the network stays"
    assert len(again.facts["agreement"]["acceptance"]) == 2


def test_a_yaml_file_needs_a_place_to_go(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit-judge", str(config), "--marks", str(marks(tmp_path / "m.tsv", 2))]) == 2
    assert "--output" in capsys.readouterr().err
