"""`textvae back-translate` on a real run of the bundled sample, and a training that learns from what it wrote."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from support import run_python

from textvae.cli import main
from textvae.data.attributes import Attributes
from textvae.data.stored import FILE, StoredWriter, read_stored
from textvae.experiment import back_translation
from textvae.inference.style_transfer import StyleTransfer

BOTH = Attributes.of(["negative", "positive"])


@pytest.fixture(scope="module")
def fitted(trained_run: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run with scorers."""
    torch.set_num_threads(1)
    run = Path(shutil.copytree(trained_run, tmp_path_factory.mktemp("fitted") / "run"))
    assert main(["fit-scorers", str(run), "--no-index", "--no-phrases", "--epochs", "2", "--cache", str(cache)]) == 0
    return run


@pytest.fixture(scope="module")
def transfers(fitted: Path, cache: Path) -> Path:
    """400 of its training sentences and what became of them."""
    path = fitted.parent / "transfers.tsv"
    options = ["--sentences", "400", "--certainty", ".8", "--fluency-loss", "2", "--cache", str(cache)]
    assert main(["back-translate", str(fitted), "--output", str(path), *options]) == 0
    return path


def test_sentences_stand_beside_rewritings_in_the_other_style(fitted: Path, transfers: Path) -> None:
    rows = list(read_stored(transfers, BOTH))
    assert 100 < len(rows) <= 400 and {row.labels for row in rows} == {(0,), (1,)}
    assert all(row.transfer != row.sentence for row in rows)
    transfer = StyleTransfer.from_pretrained(fitted)
    for source, target in ((0, "positive"), (1, "negative")):
        chosen = [row for row in rows if row.labels == (source,)][:40]
        again = transfer([row.sentence for row in chosen], target=target, rerank=True, detokenise=False)
        assert sum(text == row.transfer for text, row in zip(again, chosen, strict=True)) >= 36  # bf16 knows its batch


def test_a_stopped_command_ends_with_the_same_file(
    fitted: Path,
    transfers: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(back_translation, "BLOCK", 100)
    options = ["--sentences", "300", "--certainty", ".8", "--fluency-loss", "2", "--cache", str(cache)]
    whole, stopped = tmp_path / "whole.tsv", tmp_path / "stopped.tsv"
    assert main(["back-translate", str(fitted), "--output", str(whole), *options]) == 0
    assert "block 3 of 3" in capsys.readouterr().err
    add, calls = StoredWriter.add, []

    def stop_at_the_second(writer: StoredWriter, rows: object) -> None:
        calls.append(rows)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(writer, rows)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(StoredWriter, "add", stop_at_the_second)
        assert main(["back-translate", str(fitted), "--output", str(stopped), *options]) == 130
    assert not stopped.exists()
    assert main(["back-translate", str(fitted), "--output", str(stopped), *options]) == 0
    assert "goes on after block 1 of 3" in capsys.readouterr().err
    assert stopped.read_bytes() == whole.read_bytes() and not list(tmp_path.glob("*.partial"))


def test_a_training_that_begins_from_the_run_learns_to_translate_them_back(
    fitted: Path, transfers: Path, cache: Path, tmp_path: Path
) -> None:
    run, source = tmp_path / "second", Path(shutil.copy(transfers, tmp_path / "mine.tsv"))
    options = ["--config", "configs/toy/test.yaml", "--start", str(fitted), "--objectives.J_cycle.weight", "1"]
    options += ["--transfer.stored", str(source), "--transfer.start", "1", "--training.max_steps", "80"]
    done = run_python("train.py", *options, "--training.epochs", "null", "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    assert "sentences with stored transfers" in done.stdout + done.stderr
    assert (run / FILE).read_bytes() == transfers.read_bytes(), "the run keeps what it has learnt from"
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    cycle = [row["train/vae/J_cycle"] for row in logged if "train/vae/J_cycle" in row]
    assert cycle[-1] < 0.9 * cycle[0]
    source.unlink()
    on = run_python("train.py", "--resume", "--training.max_steps", "90", "--run", str(run), "--cache", str(cache))
    assert on.returncode == 0, "it goes on from its own copy: " + on.stderr


def test_what_is_missing_is_told(
    fitted: Path, trained_run: Path, transfers: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "t.tsv")
    bare = Path(shutil.copytree(trained_run, tmp_path / "bare"))
    for arguments, told in (
        ([str(bare), "--output", target], "textvae fit-scorers RUN"),
        ([str(fitted), "--output", str(transfers)], "is there already"),
        ([str(fitted), "--output", target, "--sentences", "0"], "--sentences must be at least 1"),
        ([str(fitted), "--output", target, "--certainty", "1"], "--certainty is a probability below 1"),
        ([str(tmp_path / "none"), "--output", target], "none"),
    ):
        assert main(["back-translate", *arguments, "--cache", str(cache)]) == 2
        assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("t.tsv*"))
    options = ["--config", "configs/toy/test.yaml", "--objectives.J_cycle.weight", "1", "--cache", str(cache)]
    done = run_python("train.py", *options, "--transfer.stored", target, "--run", str(tmp_path / "second"))
    assert done.returncode == 2 and "t.tsv is no file; make one with `textvae back-translate" in done.stderr
