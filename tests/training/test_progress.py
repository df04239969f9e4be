"""What a person sees: terms by name, speed, time left; nothing on other processes."""

from __future__ import annotations

import pytest

from textvae.training import progress
from textvae.training.progress import BarReporter, LineReporter, SilentReporter, make_reporter, summary

VALUES = {
    "train/vae/J_rec": 3.21,
    "train/dis/J_dis_s": 0.7,
    "train/lambda/J_rec": 1.0,
    "train/vae/loss": 9.0,
    "train/tokens_per_second": 11502.3,
}


def test_summary_shows_terms_not_their_weights() -> None:
    assert summary(VALUES) == "J_rec 3.210  J_dis_s 0.700  11,502 tokens/s"
    assert summary({}) == ""


def test_summary_shows_a_term_of_any_task_unless_its_weight_is_0() -> None:
    logged = {"train/vae/J_new": 2.0, "train/vae/J_off": 1.0, "train/lambda/J_new": 0.1, "train/lambda/J_off": 0.0}
    assert summary(logged) == "J_new 2.000"


def test_lines_tell_the_time_that_is_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 130.0, 131.0, 160.0, 161.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    reporter = LineReporter(interval=10.0)
    for step in (10, 20, 40, 100):
        reporter.step(step, 100, VALUES)
    reporter.message("hello")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 10/100", "step 40/100", "step 100/100", "hello"]
    # 30 steps in 30 seconds since the first line, 60 to go.
    assert "1:00 left" in lines[1] and "J_rec 3.210" in lines[1] and "0:00 left" in lines[2]


def test_only_the_first_process_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(make_reporter(main_process=False), SilentReporter)
    assert isinstance(make_reporter(main_process=True, quiet=True), SilentReporter)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
    assert isinstance(make_reporter(main_process=True), LineReporter)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    reporter = make_reporter(main_process=True)
    assert isinstance(reporter, BarReporter)
    reporter.step(3, 10, VALUES)
    reporter.message("[bold] is not markup")
    assert (reporter.bar.tasks[0].completed, reporter.bar.tasks[0].total) == (3, 10)
    reporter.close()
    assert not reporter.bar.live.is_started


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = SilentReporter()
    reporter.step(1, 2, VALUES)
    reporter.message("x")
    reporter.close()
    assert capsys.readouterr() == ("", "")
