"""`textvae evaluate --outputs FILE --references FILE`: summaries of any system, from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textvae.commands.evaluate import FILES, main, row_of
from textvae.commands.evaluate_summaries import SummaryFileOptions, evaluate_files
from textvae.errors import UserError

DOCUMENTS = [
    "On Monday, Anna Olsen opened three hotels in Oslo.",
    "The bank of Lima fell 3.5 percent, analysts said.",
    "In Cairo, workers closed the port for a day.",
]
SUMMARIES = ["Anna Olsen opened hotels in Oslo.", "Bank of Lima fell.", "Workers closed the port in Cairo."]
FEW = ("--evaluation.resamples", "20")
TINY = ("--evaluation.tagger.size", "4", "--evaluation.tagger.embedding_size", "4", "--evaluation.tagger.epochs", "1")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, lines in (("documents", DOCUMENTS), ("references", SUMMARIES), ("outputs", SUMMARIES)):
        (tmp_path / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    rows = [{"body": ["", d, "More."], "document": d, "summary": s} for d, s in zip(DOCUMENTS, SUMMARIES, strict=True)]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def evaluate(files: Path, *arguments: str, outputs: str = "outputs.txt") -> int:
    return main(["--outputs", str(files / outputs), *arguments, *FEW])


def systems(folder: Path) -> dict[str, dict[str, float]]:
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    return {row["system"]: {name: found["value"] for name, found in row["measures"].items()} for row in rows}


def test_outputs_and_references_are_enough(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(files, "--references", str(files / "references.txt")) == 0
    shown = capsys.readouterr().out
    assert "outputs" in shown and "100.0" in shown and "R-L" in shown and "lead" not in shown


@pytest.mark.parametrize("where", ["a column", "another column, a list", "another file"])
def test_documents_bring_lead(where: str, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = {
        "a column": ["--references", str(files / "dev.jsonl")],
        "another column, a list": ["--references", str(files / "dev.jsonl"), "--document_column", "body"],
        "another file": [
            *("--references", str(files / "references.txt")),
            *("--documents", str(files / "documents.txt")),
        ],
    }[where]
    saved = files / "saved"
    assert evaluate(files, *arguments, "--save", str(saved), "--name", "ours", "--examples", "2") == 0
    shown = capsys.readouterr().out
    assert "of equal length" in shown and shown.count("  document ") == 2
    found = systems(saved)
    assert found["ours"]["rouge_1"] == pytest.approx(100) and found["lead-6"]["mean_length"] == 6
    assert found["lead-6"]["rouge_1"] < 100 and found["whole document"]["mean_length"] > 9
    assert (saved / "outputs.txt").read_text().splitlines()[1] == "bank of lima fell ."


def test_text_settings_reach_every_file(files: Path) -> None:
    saved = files / "saved"
    arguments = ("--references", str(files / "dev.jsonl"), "--save", str(saved), "--text.lowercase", "false")
    assert evaluate(files, *arguments) == 0
    assert (saved / "outputs.txt").read_text().splitlines()[1] == "Bank of Lima fell ."


def test_training_sides_bring_instruments_and_alarms(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "texts.txt").write_text("".join(f"person {i} opened hotels in town .\n" for i in range(60)))
    news = "on monday , person {} quietly opened hotels in town {} , the company said .\n"
    (files / "train.txt").write_text("".join(news.format(i, i) for i in range(60)))
    (files / "code.txt").write_text("q1 q2 q3\nq4 q5 q6\nq7 q8 q9\n")
    sides = ("--texts", str(files / "texts.txt"), "--train_documents", str(files / "train.txt"), *TINY)
    cache = files / "cache"
    arguments = ("--references", str(files / "dev.jsonl"), *sides, "--cache", str(cache))
    assert evaluate(files, *arguments) == 0
    shown = capsys.readouterr().out
    assert "denoising tagger" in shown and "cut by a language model" in shown and "PPL" in shown
    assert "outsider" not in shown
    assert evaluate(files, *arguments, outputs="code.txt") == 0
    assert "WARNING: The summaries tell an outsider little" in capsys.readouterr().out
    assert len(list(cache.iterdir())) == 3


def test_another_number_of_lines_is_refused(files: Path) -> None:
    (files / "outputs.txt").write_text("one\ntwo\n")
    with pytest.raises(UserError, match=r"outputs.txt has 2 lines, but .*references.txt has 3 texts"):
        evaluate(files, "--references", str(files / "references.txt"))


def test_an_empty_line_is_an_empty_summary(files: Path) -> None:
    (files / "outputs.txt").write_text(f"\n{SUMMARIES[1]}\n\n")
    saved = files / "saved"
    assert evaluate(files, "--references", str(files / "references.txt"), "--save", str(saved)) == 0
    assert systems(saved)["outputs"]["rouge_1"] == pytest.approx(100 / 3)
    assert len((saved / "outputs.txt").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"dev.jsonl, line 2: not a JSON object"),
        ("[1]", r"line 2: no column 'summary'"),
        ('{"title": "a"}', r"line 2: no column 'summary' but title; .*--summary_column"),
        ('{"summary": 3}', r"line 2: column 'summary' holds no text but 3"),
    ],
)
def test_a_broken_table_is_told_with_its_line(line: str, message: str, files: Path) -> None:
    (files / "dev.jsonl").write_text(f'{{"summary": "a"}}\n{line}\n')
    with pytest.raises(UserError, match=message):
        evaluate(files, "--references", str(files / "dev.jsonl"))


def test_a_missing_file_is_told(files: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.txt"):
        evaluate(files, "--references", str(files / "nowhere.txt"))


def test_nothing_to_compare_with_is_told(files: Path) -> None:
    with pytest.raises(UserError, match="references"):
        evaluate_files([str(files / "outputs.txt")], SummaryFileOptions())


@pytest.mark.parametrize(
    ("argv", "expected"),
    [(["run"], False), (["--references=a"], True), (["--documents", "a"], True), (["--outputs", "a"], False)],
)
def test_what_is_about_summaries(argv: list[str], expected: bool) -> None:
    assert (row_of(argv) is FILES) == expected
