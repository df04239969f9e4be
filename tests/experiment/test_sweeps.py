"""Grids: what is typed becomes points, and points find their results again."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from support import ROOT

from textvae.commands.sweep import EPILOG, make_parser, split_arguments
from textvae.errors import UserError
from textvae.evaluation.frontier import on_frontier
from textvae.experiment.evaluation import checksum_of_test_set
from textvae.extras.sweeps.decoding import NOT_SWEPT, decoding_points, sweepable
from textvae.extras.sweeps.grid import Point, read_axes
from textvae.extras.sweeps.results import marked
from textvae.extras.sweeps.training import allowed_names, clear_preparation, trainings
from textvae.inference.options import TransferOptions

TOY = ("--config", str(ROOT / "configs" / "toy" / "test.yaml"))


def decoding(*grid: str) -> list[dict]:
    return [dict(point.settings) for point in decoding_points(read_axes(grid))]


def test_a_grid_is_every_combination_of_typed_values() -> None:
    assert decoding("strength=0.5,1", "beam=1,default") == [
        {"strength": strength, "beam": beam} for strength in (0.5, 1.0) for beam in (1, None)
    ]
    assert decoding("strength=1,1.0,1e0") == [{"strength": 1.0}]
    assert decoding("rerank=yes", "rerank_candidates=3") == [{"rerank": True, "rerank_candidates": 3}]


@pytest.mark.parametrize(
    "grid, message",
    [
        (["strenght=1"], "'strenght' is no decoding option; there are allow_unk, beam, .*strength"),
        (["target=positive"], "'target' is no decoding option"),
        (["training.seed=1"], "need --config FILE instead of a run"),
        (["strength=much"], "strength is a number or default, not 'much'"),
        (["beam=1.5"], "beam is a whole number"),
        (["rerank=maybe"], "rerank is true or false or default, not 'maybe'"),
        (["beam"], "is not NAME=VALUE"),
        (["beam="], "is not NAME=VALUE"),
        (["beam=1,,2"], "is not NAME=VALUE"),
        (["beam=1", "beam=2"], "names beam twice"),
        (["temperature=0.5"], "temperature 0.5: temperature: only with sample.*two sweeps"),
        (["beam=0"], "beam must be at least 1"),
    ],
)
def test_wrong_grids_are_told_before_anything_is_done(grid: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        decoding_points(read_axes(grid))


def test_every_decoding_option_is_swept_or_left_out_on_purpose_and_named_in_the_help() -> None:
    assert set(sweepable()) | NOT_SWEPT == {field.name for field in fields(TransferOptions)}
    named = EPILOG.split("by the scoring):")[1].split("Those of the last line")[0]
    assert {name.strip() for name in named.replace("\n", ",").split(",")} - {""} == set(sweepable())


def test_names_of_points_are_folders_and_differ_where_points_differ() -> None:
    names = {
        Point(settings).name
        for settings in (
            {"a": 1.5, "b": True},
            {"a": "x/y", "b": None},
            {"a": "x y", "b": None},
            {"a": [1.0, 2.0]},
            {"a": "x" * 400},
            {"a": "x" * 401},
        )
    }
    assert len(names) == 6 and all("/" not in name and len(name.encode()) < 200 for name in names)
    assert Point({"b": True, "a": 1.0}).name == Point({"a": 1.0, "b": True}).name == "a=1_b=true"


def test_values_in_brackets_and_quotes_keep_their_commas() -> None:
    (axis,) = read_axes(["selection.strengths=[1,2],[1, 3],'a,b'"])
    assert axis.values == ("[1,2]", "[1, 3]", "'a,b'")


def test_the_frontier_is_what_nothing_beats() -> None:
    points = [(1.0, 5.0), (2.0, 4.0), (2.0, 3.0), (0.5, 5.0), (2.0, 4.0)]
    assert on_frontier(points) == [True, True, False, False, True]
    rows = [
        {"state": "scored", "measures": {"accuracy": {"value": a}, "self_bleu": {"value": s}, "ref_bleu": {"value": r}}}
        for a, s, r in ((90, 50, 20), (80, 60, 15))
    ]
    lost = {"state": "diverged", "measures": {}}
    assert [row["on_frontier"] for row in marked([*rows, lost])] == [True, False, False], "references count first"
    for row in rows:
        row["measures"]["ref_bleu"]["value"] = None  # type: ignore[index]
    assert [row["on_frontier"] for row in marked(rows)] == [True, True]


def test_a_test_set_is_known_by_its_sentences_alone() -> None:
    assert checksum_of_test_set(["it 's good", "bad ."]) == checksum_of_test_set(["bad.", "it's good"])
    assert checksum_of_test_set(["good"]) != checksum_of_test_set(["good", "good"])


def test_trainings_have_their_own_configurations_and_folders(tmp_path: Path) -> None:
    grid = ["training.seed=0,1", "training.learning_rate=0.001,1e-3,0.002", "selection.strengths=[1,2]"]
    found = trainings(grid, TOY, tmp_path)
    assert [(t.config.training.seed, t.config.training.learning_rate) for t in found] == [
        (0, 0.001),
        (0, 0.002),
        (1, 0.001),
        (1, 0.002),
    ]
    assert len({t.folder for t in found}) == 4 and all(t.config.run == str(t.folder) for t in found)
    assert found[0].config.training.max_steps == 60 and found[0].config.selection.strengths == (1.0, 2.0)
    assert found[0].point.settings["selection.strengths"] == [1.0, 2.0]


@pytest.mark.parametrize(
    "grid, message",
    [
        ("training.learning_rat=1", "there are .*training.learning_rate"),
        ("strength=1", "options of decoding need a trained RUN"),
        ("run=a,b", "'run' is no option of a training"),
        ("training=1", "'training' is no option of a training"),
        ("training.learning_rate=-1", "learning rates must be positive"),
    ],
)
def test_wrong_options_of_trainings_are_told(grid: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        trainings([grid], TOY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_only_single_options_are_swept() -> None:
    names = allowed_names()
    assert {"training.seed", "objectives.J_kl_s.weight", "start"} <= names
    assert names.isdisjoint({"training", "objectives.J_kl_s", "config", "cache", "help"})


def test_what_a_broken_preparation_left_is_cleared_and_nothing_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "log.txt").touch()
    clear_preparation(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "config.yaml").touch()
    clear_preparation(tmp_path)
    assert (tmp_path / "tokenizer").exists()


def test_options_of_a_training_are_told_from_ours_with_their_values() -> None:
    argv = ["--config", "a.yaml", "--training.epochs", "3", "--grid", "training.seed=0,1", "--data.path=x", "--quiet"]
    ours, others = split_arguments([*argv, "--training.patience", "-1", "--runs", "r"], make_parser("x"))
    assert others == ["--training.epochs", "3", "--data.path=x", "--training.patience", "-1"]
    assert ours == ["--config", "a.yaml", "--grid", "training.seed=0,1", "--quiet", "--runs", "r"]
    assert split_arguments(["runs/yelp", "--grid", "beam=1"], make_parser("x"))[0] == ["runs/yelp", "--grid", "beam=1"]
