"""`textvae evaluate` on a run and on files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import ROOT

from textvae.cli import main
from textvae.commands.args import parsed
from textvae.commands.evaluate import expanded, make_parser, rows, run_of
from textvae.registry import resolve

FEW = ("--evaluation.resamples", "20", "--evaluation.max_train_sentences", "3000")


@pytest.fixture(scope="module")
def evaluated(trained_run: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    assert main(["evaluate", str(trained_run), "--save", str(folder), "--cache", str(cache), *FEW]) == 0
    return folder


def test_a_run_is_scored_into_one_json_and_its_outputs(evaluated: Path) -> None:
    metrics = json.loads((evaluated / "metrics.json").read_text())
    systems = {row["system"] for row in metrics["rows"]}
    assert {"input copied", "human reference"} < systems
    assert set(metrics["probes"]) == {"z_s", "z_c"}
    for label in (0, 1):
        assert len((evaluated / f"outputs.{label}").read_text().splitlines()) == 500


def test_saved_outputs_score_as_the_run_did(
    evaluated: Path, trained_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(evaluated / f"outputs.{label}") for label in (0, 1)]
    again = tmp_path / "again"
    arguments = ["evaluate", str(trained_run), "--outputs", *files, "--save", str(again), "--name", trained_run.name]
    assert main([*arguments, "--cache", str(cache), *FEW]) == 0
    rows = [json.loads((folder / "metrics.json").read_text())["rows"] for folder in (evaluated, again)]
    assert rows[0] == rows[1]
    assert "input copied" in capsys.readouterr().out


def test_outputs_of_any_system_need_no_run(evaluated: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data.path", str(ROOT / "data" / "sample"), "--data.name", "reviews"]
    arguments = ["evaluate", "--outputs", str(evaluated), "--cache", str(cache), "--examples", "2", *data, *FEW]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "negative → positive" in shown and shown.count("  input ") == 4


def test_outputs_of_another_length_are_refused(
    evaluated: Path, trained_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outputs.0").write_text("only one line\n")
    arguments = ["evaluate", str(trained_run), "--outputs", str(tmp_path / "outputs.0"), str(evaluated / "outputs.1")]
    assert main([*arguments, "--cache", str(cache), *FEW]) == 2
    assert "has 1 lines" in capsys.readouterr().err


def test_nothing_to_score_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate"]) == 2
    assert "--outputs" in capsys.readouterr().err


def test_a_run_evaluated_on_other_data_is_refused(
    trained_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "dev", "test"):
        for label in ("negative", "positive"):
            (tmp_path / f"reviews.{split}.{label}").write_text(f"the {label} {split} food .\n" * 3)
    assert main(["evaluate", str(trained_run), "--data.path", str(tmp_path), "--cache", str(cache)]) == 2
    assert "trained on other data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("RUN --save OTHER", "RUN"),
        ("--save OTHER RUN", "RUN"),
        ("--quiet RUN", "RUN"),
        ("--save=OTHER RUN --quiet", "RUN"),
        ("--save OTHER --outputs a b", None),
        ("--outputs a b --save OTHER", None),
    ],
)
def test_the_run_is_no_value_of_an_option(line: str, run: str | None) -> None:
    assert run_of(line.split()) == run


def test_results_may_go_into_a_run_of_another_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, task in (("style", "style_transfer"), ("other", "tree")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"task: {task}\ndata: {{path: no/data/of/{name}}}\n")
    assert main(["evaluate", str(tmp_path / "style"), "--save", str(tmp_path / "other")]) == 2
    assert "no/data/of/style: no such folder" in capsys.readouterr().err


def test_help_without_a_run_has_the_options_of_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "--help"])
    shown = capsys.readouterr().out
    options = (
        "--strength",
        "--words",
        "--diagnostics.max-sentences",
        "--documents.swaps",
        "--treebank",
        "--references",
    )
    assert stop.value.code == 0 and all(option in shown for option in options)
    assert shown.count("examples:") == 1


@pytest.mark.parametrize(("spelling", "noted"), [("max-sentences", False), ("max_sentences", True)])
def test_dashes_and_underscores_are_one_option(spelling: str, noted: bool, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in rows() if "grammar" in row.title)
    argv = ["runs/trees", f"--evaluation.{spelling}", "5"]
    _, options = parsed(make_parser("textvae evaluate", row), argv, resolve(row.options))
    assert options.evaluation.max_sentences == 5
    assert ("--evaluation.max-sentences" in capsys.readouterr().err) == noted


def test_short_names_stand_for_options_of_decoding() -> None:
    row = next(row for row in rows() if "summarizer" in row.title)
    argv = expanded(["runs/news", "--words", "8", "--no_repeat_ngram=2", "--min-words", "3"], row)
    _, options = parsed(make_parser("textvae evaluate", row), argv, resolve(row.options))
    assert (options.decoding.words, options.decoding.no_repeat_ngram, options.decoding.min_words) == (8, 2, 3)
