"""`textvae fit-scorers` on a real run of the bundled sample, and what can be done afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from random_summarizer import make_summarizer
from safetensors import safe_open

from textvae.cli import main
from textvae.inference.phrase_table import FILE as PHRASES
from textvae.inference.retrieval import FILE
from textvae.inference.scorers import FOLDER
from textvae.inference.style_transfer import StyleTransfer

LINES = ["the food was awful .", "the waiter was rude .", "i hated the room ."]


@pytest.fixture(scope="module")
def fitted(trained_run: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run with scorers."""
    torch.set_num_threads(1)
    run = Path(shutil.copytree(trained_run, tmp_path_factory.mktemp("fitted") / "run"))
    assert main(["fit-scorers", str(run), "--epochs", "2", "--cache", str(cache)]) == 0
    return run


def test_what_was_fitted_knows_the_sample(fitted: Path) -> None:
    folder = fitted / "best" / FOLDER
    names = {"guide", "language_model"}
    files = {f"{n}.{e}" for n in names for e in ("json", "safetensors")} | {"reranking.json", FILE}
    phrases = json.loads((folder / "reranking.json").read_text())["phrases"]
    assert {p.name for p in folder.iterdir()} == (files | {PHRASES} if phrases else files), "none that is not used"
    transfer = StyleTransfer.from_pretrained(fitted, device="cpu", precision="fp32")
    pads = transfer.pad([line.pieces[0].ids for line in transfer.reader.read(LINES)])
    assert transfer.labels == ("negative", "positive")
    with torch.inference_mode():
        assert bool((transfer.scorers.style(pads, pads > 0)[:, 0].exp() > 0.8).all())
        shuffled = torch.cat((pads[:, :-1].flip(1).roll(0, 1), pads[:, -1:]), dim=1)[:1]
        first = pads[:1]
        assert transfer.scorers.fluency(first, first > 0) > transfer.scorers.fluency(shuffled, shuffled > 0) + 1


def test_a_second_call_keeps_the_networks(fitted: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = fitted / "best" / FOLDER / "guide.safetensors"
    before, weights = guide.stat().st_mtime_ns, (guide.parent / "reranking.json").read_text()
    assert main(["fit-scorers", str(fitted), "--no-index", "--cache", str(cache)]) == 0
    out = capsys.readouterr().err
    assert guide.stat().st_mtime_ns == before and "guide: dev accuracy" in out and "index" not in out
    assert (guide.parent / "reranking.json").read_text() == weights, "the search is deterministic"


def test_only_what_the_model_writes(fitted: Path, cache: Path, tmp_path: Path) -> None:
    """Without changes undone and phrases changed, candidates are those of the search."""
    run = Path(shutil.copytree(fitted, tmp_path / "run"))
    assert main(["fit-scorers", str(run), "--no-index", "--no-undo", "--no-phrases", "--cache", str(cache)]) == 0
    stored = json.loads((run / "best" / FOLDER / "reranking.json").read_text())
    assert (stored["undo"], stored["phrases"], stored["candidates"]) == (False, 0, 12)
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    options = {"num_candidates": 12, "rerank": True, "diversity": 0.0}
    own = {c.text for c in transfer.candidates(LINES[0], "positive", beam=6, num_candidates=6)}
    assert {c.text for c in transfer.candidates(LINES[0], "positive", **options)} & own


def test_transfer_with_all_of_it(fitted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("\n".join([LINES[0], "", LINES[1]]) + "\n")
    common = ["transfer", str(fitted), str(text), "--to", "positive"]
    for options in (["--rerank", "--retrieve", "2", "--num-candidates", "3"], ["--retrieve-only"]):
        assert main([*common, "--json", *options]) == 0
        rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert len(rows) == 3 and rows[1]["candidates"][0]["text"] == ""
        assert all(c["score"] is not None for row in (rows[0], rows[2]) for c in row["candidates"])
        if "--rerank" in options:
            parts = rows[0]["candidates"][0]["parts"]
            assert sum(parts.values()) == pytest.approx(rows[0]["candidates"][0]["score"], abs=1e-3)
    assert main([*common, "--revise", "--revise-steps", "2"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 3
    assert main([*common[:3], "--like", "so good !", "--like", "we loved it .", "--json"]) == 0
    assert json.loads(capfd.readouterr().out.splitlines()[0])["like"] == ["so good !", "we loved it ."]


def test_evaluation_with_reranking(
    fitted: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--split", "dev", "--cache", str(cache), "--evaluation.resamples", "0", "--save", str(tmp_path)]
    assert main(["evaluate", str(fitted), *options, "--decoding.rerank", "true"]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["decoding"]["rerank"] and metrics["speed"]["cpu_seconds"] > 0


def test_a_sweep_over_reranking(fitted: Path, cache: Path, tmp_path: Path) -> None:
    grids = (["rerank=true", "rerank_candidates=3"], ["retrieve_only=true"], ["rerank=false"])
    few = ["--evaluation.resamples", "0", "--quiet", "--save", str(tmp_path), "--cache", str(cache)]
    for grid in grids:
        assert main(["sweep", str(fitted), *few, *(part for axis in grid for part in ("--grid", axis))]) == 0
    points = {p["name"]: p["measures"] for p in json.loads((tmp_path / "sweep.json").read_text())["points"]}
    assert set(points) == {"rerank=true_rerank_candidates=3", "retrieve_only=true", "rerank=false"}
    identities = [json.loads((tmp_path / "points" / name / "metrics.json").read_text())["identity"] for name in points]
    assert [name for name, i in zip(points, identities, strict=True) if i["scorers"] is None] == ["rerank=false"]
    assert len({json.dumps(measures) for measures in points.values()}) == 3, "each decodes in its own way"


def test_export_takes_the_scorers_along(fitted: Path, tmp_path: Path) -> None:
    for options, index in ((["--index"], True), ([], False)):
        folder = tmp_path / f"small{index}"
        assert main(["export", str(fitted), str(folder), *options]) == 0
        assert (folder / "best" / FOLDER / FILE).is_file() == index
        phrases = [run / "best" / FOLDER / PHRASES for run in (fitted, folder)]
        assert len({path.read_bytes() if path.is_file() else b"" for path in phrases}) == 1
        with safe_open(folder / "best" / FOLDER / "guide.safetensors", framework="pt") as file:
            assert file.get_tensor("output.weight").dtype == torch.float16
        assert StyleTransfer.from_pretrained(folder, device="cpu")(LINES, "positive", rerank=True)


def test_mistakes_are_told(trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit-scorers", str(tmp_path)]) == 2
    assert "config.yaml" in capsys.readouterr().err
    assert main(["fit-scorers", str(trained_run), "--epochs", "0"]) == 2
    assert "epochs" in capsys.readouterr().err
    assert main(["fit-scorers", str(trained_run), "--phrase-count", "0"]) == 2
    assert "phrase_count" in capsys.readouterr().err
    summarizer = make_summarizer(tmp_path / "run")
    (summarizer / "config.yaml").write_text("task: summarization\n")
    assert main(["fit-scorers", str(summarizer)]) == 2
    assert "does not transfer style" in capsys.readouterr().err
    assert main(["transfer", str(trained_run), "--to", "positive", "--rerank"]) == 2
    assert "textvae fit-scorers" in capsys.readouterr().err
