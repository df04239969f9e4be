"""A hierarchical VAE from the command line: trained on documents with known factors, resumed, looked at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from support import run_python

from tests.test_experiment import last_weights
from textvae.commands.evaluate import main as evaluate
from textvae.config import load_config
from textvae.errors import UserError
from textvae.extras.documents.config import DocumentExperimentConfig, DocumentsConfig, TableConfig
from textvae.extras.documents.hierarchical_vae import HierarchicalVAE
from textvae.extras.report.equations import terms
from textvae.extras.report.records import read_run
from textvae.extras.report.state import total_steps
from textvae.inference.loading import load
from textvae.models.sentence_vae import SentenceVAE

TRAIN = ("train.py", "--config", "configs/toy/documents.yaml", "--training.max_steps", "300")
EVERY = ("--training.evaluate_every", "150", "--training.checkpoint_every", "98")


@pytest.fixture(scope="module")
def document_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run: 300 steps on the bundled documents."""
    run = tmp_path_factory.mktemp("runs") / "documents"
    done = run_python(*TRAIN, *EVERY, "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    return run


def test_a_run_directory_holds_everything_to_repeat_the_run(document_run: Path) -> None:
    config = load_config(document_run / "config.yaml")
    assert isinstance(config, DocumentExperimentConfig) and config.table.documents == 200
    data = json.loads((document_run / "data.json").read_text())
    assert data["documents"] == {"train": 800, "dev": 100, "test": 150} and data["labels"] == []
    lines = [json.loads(line) for line in (document_run / "metrics.jsonl").read_text().splitlines()]
    logged = {"train/vae/J_rec", "train/vae/J_kl_1", "train/mu/J_mu", "train/mu/J_doc", "train/mu/grad_norm"}
    assert any(logged <= set(line) for line in lines)
    dev = [line for line in lines if "dev/score" in line]
    assert len(dev) == 2 and all({"dev/eer_mu2", "dev/eer_mu1", "dev/bound"} <= set(line) for line in dev)
    weights = {"J_rec": 1, "J_kl_1": 0.1, "J_kl_2": 1, "J_mu": 1, "J_doc": 10}
    assert dev[0]["dev/score"] == pytest.approx(-sum(w * dev[0][f"dev/{n}"] for n, w in weights.items()))
    card = (document_run / "best" / "README.md").read_text()
    assert "Hsu et al. 2017" in card and "eer_mu2" in card and "textvae.extras.documents.hierarchical_vae" in card


def test_the_model_loads_as_what_it_is_and_as_nothing_else(document_run: Path) -> None:
    loaded = load(document_run, torch.device("cpu"), HierarchicalVAE)
    assert loaded.model.document_latent.size == 16 and loaded.model.sentence_latent.size == 8
    with pytest.raises(UserError, match="another kind"):
        load(document_run, torch.device("cpu"), SentenceVAE)


def test_the_mean_of_z2_verifies_the_document_and_that_of_z1_does_not(
    document_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert evaluate([str(document_run), "--save", str(tmp_path), "--documents.swaps", "3"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("EER from μ2", "EER from μ1", "EER from tf-idf", "J_kl_2", "with z2 of"))
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["split"] == "test" and found["documents"] == 150 and found["sentences"] == 1000
    assert found["eer_mu2"] < 0.33 < 0.42 < found["eer_mu1"]  # seeds 1, 2, 3: .22, .22, .27 and .49, .49, .50
    assert found["bound"] == pytest.approx(sum(found[n] for n in ("J_rec", "J_kl_1", "J_kl_2", "J_mu")))
    assert 0 < found["eer_raw"] < 0.5


def test_swapped_factors_are_decoded_and_saved_as_samples(document_run: Path, tmp_path: Path) -> None:
    assert evaluate([str(document_run), "--save", str(tmp_path), "--split", "dev"]) == 0
    swapped = json.loads((tmp_path / "metrics.json").read_text())["swapped"]
    assert len(swapped["samples"]) == 5 and swapped["measured"] == 100
    assert 0 <= swapped["moved"] <= 1 and 0 <= swapped["kept"] <= 1
    assert all(set(s) == {"sentence", "reconstructed", "with_z2_of", "written"} for s in swapped["samples"])


def test_stopped_and_resumed_equals_uninterrupted(document_run: Path, tmp_path: Path, cache: Path) -> None:
    run = tmp_path / "stopped"
    shutil.copytree(document_run, run)
    shutil.rmtree(run / "checkpoints" / "step_00000300")
    done = run_python(*TRAIN, *EVERY, "--run", str(run), "--cache", str(cache), "--resume")
    assert done.returncode == 0 and "resumed at step 294" in done.stderr, done.stderr
    whole, parts = last_weights(document_run), last_weights(run)
    assert whole.keys() == parts.keys() and all(torch.equal(whole[n], parts[n]) for n in whole)
    assert any("table" in name for name in whole)


def test_the_report_knows_its_objectives_and_its_length(document_run: Path) -> None:
    record = read_run(document_run)
    found = {term.name: term for term in terms(record)}
    assert set(found) == {"J_rec", "J_kl_1", "J_kl_2", "J_mu", "J_doc"}
    assert all(t.equation and t.source and t.train is not None and t.dev is not None for t in found.values())
    assert total_steps(record) == 300


def test_contradictions_are_refused() -> None:
    with pytest.raises(UserError, match="at least two"):
        TableConfig(documents=1)
    with pytest.raises(UserError, match="learning_rate"):
        TableConfig(learning_rate=0.0)
    with pytest.raises(UserError, match="at least two"):
        DocumentsConfig(max_documents=1)
    with pytest.raises(UserError, match="swaps"):
        DocumentsConfig(swaps=-1)


def test_one_document_is_refused(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "train.txt").write_text("a b a a b b .\nb a a b b a .\n")
    (tmp_path / "dev.txt").write_text("e f .\ng h .\n\ni j .\nk l .\n")
    run = ("--run", str(tmp_path / "run"), "--cache", str(cache), "--data.path", str(tmp_path))
    done = run_python(*TRAIN, *run)
    assert done.returncode == 2 and "single document" in done.stderr, done.stderr
