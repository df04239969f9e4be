"""Finished, stopped or training, from what was written and when."""

from __future__ import annotations

from pathlib import Path

import pytest
from report.fabricated import (
    age,
    style_config,
    style_lines,
    summary_config,
    summary_lines,
    write_checkpoint,
    write_run,
)

from textvae.data.loader import BatchLoader
from textvae.data.tokenized import TokenizedCorpus
from textvae.extras.report.records import read_run
from textvae.extras.report.state import disk_bytes, state_of, total_steps

BEGAN = 1e9


def test_a_run_with_all_its_steps_is_finished(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", style_config(), style_lines(100))
    assert str(state_of(read_run(run), BEGAN)) == "finished at 100"


@pytest.mark.parametrize("silence, expected", [(60, "training at 50 of 100"), (130, "stopped at 50 of 100")])
def test_silence_tells_whether_a_run_still_trains(tmp_path: Path, silence: float, expected: str) -> None:
    run = write_run(tmp_path / "run", style_config(), style_lines(50))
    age(run, BEGAN + 55)
    assert str(state_of(read_run(run), BEGAN + 55 + silence)) == expected


def test_a_run_whose_evaluations_take_long_may_be_silent_longer(tmp_path: Path) -> None:
    lines = style_lines(50)
    lines[-1]["time"] += 200
    run = write_run(tmp_path / "run", style_config(), lines)
    age(run, BEGAN)
    assert state_of(read_run(run), BEGAN + 500).name == "training"
    assert state_of(read_run(run), BEGAN + 700).name == "stopped"


def test_a_run_out_of_patience_finished_early(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", style_config(patience=2), style_lines(50))
    write_checkpoint(run, 50, evaluations_since_best=2)
    assert str(state_of(read_run(run), BEGAN)) == "finished early at 50"


def test_the_planned_steps_of_both_tasks(tmp_path: Path) -> None:
    style = read_run(write_run(tmp_path / "style", style_config(), []))
    news = read_run(write_run(tmp_path / "news", summary_config(), summary_lines(100)))
    short = read_run(write_run(tmp_path / "short", style_config(max_steps=30), []))
    assert [total_steps(record) for record in (style, news, short)] == [100, 100, 30]
    assert state_of(news, BEGAN).name == "finished"


def test_the_planned_steps_of_a_task_that_the_report_does_not_know(tmp_path: Path) -> None:
    run = write_run(tmp_path / "new", {**style_config(epochs=3), "task": "new_task"}, [])
    (run / "data.json").write_text('{"train": 500}')
    assert total_steps(read_run(run)) == 150


@pytest.mark.parametrize("sentences", [496, 501, 509])
def test_epochs_are_counted_as_the_loader_does(tmp_path: Path, sentences: int) -> None:
    run = write_run(tmp_path / "run", style_config(epochs=3), [])
    (run / "data.json").write_text(f'{{"train": {sentences + 4}, "too_long_for_the_model": 4}}')
    corpus = TokenizedCorpus.from_lists([[5]] * sentences, [0] * sentences)
    loader = BatchLoader(corpus, collator=None, batch_size=10, seed=0)  # type: ignore[arg-type]
    assert total_steps(read_run(run)) == 3 * loader.steps_per_epoch


def test_bytes_are_those_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "inner" / "b").write_bytes(b"x" * 7)
    assert disk_bytes(tmp_path) == 17
