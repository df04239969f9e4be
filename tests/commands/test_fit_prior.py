"""`textvae fit-prior` on real runs of the bundled sample, and sentences drawn from what it fits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support import run_python

from textvae.checkpoint import new_folder
from textvae.cli import main
from textvae.errors import UserError
from textvae.files import sha256
from textvae.inference.latents.fitted import FOLDER
from textvae.inference.latents.space import LatentSpace

FIT = ("--epochs", "6", "--sentences", "3000", "--hidden", "24")
Told = Callable[[], tuple[str, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Output and messages since the last call."""
    return lambda: capsys.readouterr()  # type: ignore[return-value]


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A sentence autoencoder whose vectors are far from its prior, as the KL weighs little; with a fitted prior."""
    run = tmp_path_factory.mktemp("runs") / "sentences"
    short = ("--training.max_steps=60", "--training.evaluate_every=60", "--objectives.J_kl.weight=0.001")
    done = run_python(
        "train.py", "--config", "configs/toy/sentence_vae.yaml", *short, "--run", str(run), "--cache", str(cache)
    )
    assert done.returncode == 0, done.stderr
    assert main(["fit-prior", str(run), *FIT, "--cache", str(cache)]) == 0
    return run


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory, trained_run: Path, cache: Path) -> Path:
    """The finished style transfer, with a prior of its content."""
    run = tmp_path_factory.mktemp("runs") / "style"
    shutil.copytree(trained_run, run)
    before = sha256(run / "best" / "model.safetensors")
    assert main(["fit-prior", str(run), *FIT, "--cache", str(cache)]) == 0
    assert sha256(run / "best" / "model.safetensors") == before
    return run


def facts(run: Path) -> dict:
    return json.loads((run / "best" / FOLDER / "prior.json").read_text())


def test_held_out_codes_are_likelier_than_under_the_models_own_prior(sentences: Path) -> None:
    found = facts(sentences)
    nats = found["facts"]["dev_nll"]
    assert found["part"] == "z" and found["shape"]["labels"] == 0
    assert nats["fitted"] < nats["own"] - 0.1 and nats["fitted"] < nats["gaussian"] + 0.5
    assert found["facts"]["train_sentences"] == 3000 and found["facts"]["dev_sentences"] > 100


def test_generate_draws_from_it(sentences: Path, told: Told) -> None:
    space = LatentSpace.from_pretrained(sentences, device="cpu", precision="fp32")
    fitted, own = (list(space.generate(6, prior=prior, seed=4)) for prior in ("fitted", "own"))  # type: ignore[arg-type]
    assert fitted != own
    told()
    command = ["generate", str(sentences), "--prior", "fitted", "--count", "6", "--seed", "4", "--precision", "fp32"]
    assert main(command) == 0
    assert told()[0].splitlines() == fitted
    again = LatentSpace.from_pretrained(sentences, device="cpu", precision="fp32")
    assert list(again.generate(3, prior="fitted", seed=4)) == fitted[:3]


def test_the_prior_of_a_style_models_content_knows_the_style(style: Path) -> None:
    found = facts(style)
    assert found["part"] == "content" and found["shape"]["labels"] == 2
    assert found["facts"]["dev_nll"]["fitted"] < found["facts"]["dev_nll"]["own"]
    space = LatentSpace.from_pretrained(style, device="cpu", precision="fp32")
    place = space.parts["content"]
    first, second = (space.model.prior(0, 40, label, 1, space.fitted)[:, place] for label in (0, 1))
    own = [space.model.prior(0, 40, label, 1)[:, place] for label in (0, 1)]
    assert not (first == second).all() and (own[0] == own[1]).all()
    assert len(list(space.generate(4, label="positive", prior="fitted"))) == 4
    mixed = space.model.prior(0, 40, None, 1, space.fitted)
    alone = [space.model.prior(0, 40, label, 1, space.fitted) for label in (0, 1)]
    which = [[bool((row == draws[i]).all()) for draws in alone] for i, row in enumerate(mixed)]
    assert all(sum(found) == 1 for found in which), "style and content are drawn for one label"
    assert {found.index(True) for found in which} == {0, 1}


@pytest.fixture(scope="module")
def attributes(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A style model of two attributes without a memory, hardly trained; with a fitted prior."""
    folder = tmp_path_factory.mktemp("attributes")
    made = run_python("scripts/samples/make_attributes.py", str(folder / "sample"))
    assert made.returncode == 0, made.stderr
    run, where = folder / "run", ("--cache", str(cache))
    short = ("--training.max_steps=40", "--training.evaluate_every=40", "--model.memory.kind=none")
    given = ("--data.path", str(folder / "sample"), "--run", str(run), *where)
    done = run_python("train.py", "--config", "configs/toy/attributes.yaml", *short, *given)
    assert done.returncode == 0, done.stderr
    assert main(["fit-prior", str(run), *FIT, *where]) == 0
    return run


def test_the_prior_of_a_model_of_two_attributes_knows_both(attributes: Path, told: Told, tmp_path: Path) -> None:
    found = facts(attributes)
    assert found["shape"]["labels"] == 4 and found["shape"]["attributes"] == [2, 2]
    assert found["facts"]["dev_nll"]["fitted"] < found["facts"]["dev_nll"]["own"]
    space = LatentSpace.from_pretrained(attributes, device="cpu", precision="fp32")
    place = space.parts["content"]
    draws = [space.model.prior(0, 40, {0: a, 1: b}, 1, space.fitted)[:, place] for a in (0, 1) for b in (0, 1)]
    assert len(torch.stack(draws).unique(dim=0)) == 4, "each combination of labels has contents of its own"
    told()
    command = ["generate", str(attributes), "--prior", "fitted", "--count", "3", "--precision", "fp32"]
    assert main([*command, "--label", "positive", "--label", "tense=past"]) == 0
    wanted = {"sentiment": "positive", "tense": "past"}
    assert told()[0].splitlines() == list(space.generate(3, label=wanted, prior="fitted"))
    assert main([*command, "--label", "positive", "--label", "negative"]) == 2
    assert "two labels of sentiment" in told()[1]
    assert main(["encode", str(attributes), "--output", str(tmp_path / "v.npz"), "README.md"]) == 0


def test_an_exported_model_keeps_it(sentences: Path, tmp_path: Path) -> None:
    assert main(["export", str(sentences), str(tmp_path / "mine"), "--full"]) == 0
    own, copied = (LatentSpace.from_pretrained(run, "cpu", "fp32") for run in (sentences, tmp_path / "mine"))
    assert list(own.generate(3, prior="fitted", seed=2)) == list(copied.generate(3, prior="fitted", seed=2))


def test_a_better_model_does_not_inherit_it(style: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(style, run)
    with new_folder(run / "best") as folder:
        for path in (style / "best").glob("*.*"):
            shutil.copyfile(path, folder / path.name)
    with pytest.raises(UserError, match="textvae fit-prior"):
        list(LatentSpace.from_pretrained(run, device="cpu").generate(1, prior="fitted"))


def test_wrong_input(style: Path, trained_run: Path, short_run: Path, cache: Path, tmp_path: Path, told: Told) -> None:
    for arguments, message in (
        (["fit-prior", str(tmp_path)], "no trained model"),
        (["fit-prior", str(short_run)], "without a latent vector"),
        (["fit-prior", str(trained_run), "--epochs", "0"], "epochs must be at least 1"),
        (["fit-prior", str(trained_run), "--cache", str(cache), "--data-path", str(tmp_path / "no")], "no such folder"),
        (["generate", str(trained_run), "--prior", "fitted"], "no fitted prior; textvae fit-prior RUN makes one"),
        (["generate", str(style), "--prior", "fitted", "--like", "good food ."], "own or fitted, and not with like"),
    ):
        assert main(arguments) == 2
        assert message in told()[1], arguments
    assert not (trained_run / "best" / FOLDER).exists()
