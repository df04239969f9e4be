"""`textvae export`: half the size, the same answers, nothing of the machine it was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from random_summarizer import make_summarizer
from safetensors import safe_open

from textvae import registry
from textvae.cli import main
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.inference.summarization import Summarizer

LINES = ["the company said on friday that it will cut jobs .", "a man was jailed ."]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_summarizer(tmp_path_factory.mktemp("export") / "run")


def weights(folder: Path) -> dict[str, torch.dtype]:
    """The dtype of every tensor."""
    with safe_open(folder / "best" / "model.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118


def test_a_summarizer_in_half_the_bits(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    assert main(["export", str(run), str(folder), "--set", "words=6", "--set", "choose_length=true"]) == 0
    assert set(weights(folder).values()) == {torch.float16}
    small, whole = Summarizer.from_pretrained(folder, device="cpu"), Summarizer.from_pretrained(run, device="cpu")
    assert small.options().words == 6 and small.options().choose_length
    assert next(small.model.parameters()).dtype == torch.float32
    for key, value in whole.model.state_dict().items():
        torch.testing.assert_close(small.model.state_dict()[key], value, atol=1e-2, rtol=1e-2, check_dtype=False)
    assert str(tmp_path.parent) not in "".join(p.read_text() for p in folder.rglob("*.yaml"))


def test_a_style_model_in_full(trained_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    assert main(["export", str(trained_run), str(folder), "--full"]) == 0
    assert torch.float16 not in weights(folder).values()
    before, after = (StyleTransfer.from_pretrained(path, device="cpu") for path in (trained_run, folder))
    assert before(LINES, target="positive") == after(LINES, target="positive")
    assert (folder / "best" / "README.md").read_text() == (trained_run / "best" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--set", "word=6"], "no such setting"), (["--set", "words=0"], "words must be at least 1")],
)
def test_wrong_settings(
    run: Path,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["export", str(run), str(tmp_path / "x"), *arguments]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "x").exists()


def test_a_shipped_model_goes_by_its_name(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    assert main(["export", str(run), str(tmp_path / "news")]) == 0
    assert registry.shipped() == ["news"]
    assert Summarizer.from_pretrained("news", device="cpu")(LINES[0])
    assert json.loads((tmp_path / "news" / "best" / "config.json").read_text())["model_type"] == "textvae_seq2seq2seq"


def test_a_style_model_is_handed_on_without_what_only_training_reads(trained_run: Path, tmp_path: Path) -> None:
    assert main(["export", str(trained_run), str(tmp_path / "small")]) == 0
    names = set(weights(tmp_path / "small"))
    assert not any(name.startswith("bag_head") for name in names) and "embedding.weight" in names
    small, whole = (StyleTransfer.from_pretrained(path, device="cpu") for path in (tmp_path / "small", trained_run))
    kept = {name: value for name, value in whole.model.state_dict().items() if not name.startswith("bag_head")}
    assert set(small.model.state_dict()) == set(kept) == names
    for name, value in small.model.state_dict().items():
        torch.testing.assert_close(value, kept[name], atol=1e-2, rtol=1e-2, check_dtype=False)
    assert all(small(LINES, target="positive"))


def test_what_a_style_model_does_where_nobody_says_otherwise(
    trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(trained_run), str(tmp_path / "a"), "--set", "strength=2.5"]) == 0
    strong, whole = (StyleTransfer.from_pretrained(path, device="cpu") for path in (tmp_path / "a", trained_run))
    assert strong.model.config.transfer_strength == 2.5
    assert strong(LINES, target="positive") == strong(LINES, target="positive", strength=2.5, rerank=False)
    assert not whole.settled(TransferOptions("positive")).rerank
    whole.model.config.transfer_rerank = True
    assert whole.settled(TransferOptions("positive")).rerank is True
    for otherwise in ({"rerank": False}, {"sample": True}, {"revise": True}, {"retrieve_only": True}):
        assert not whole.settled(TransferOptions("positive", **otherwise)).rerank
    for setting, message in (("rerank=true", "fit-scorers"), ("words=3", "there are strength, rerank")):
        assert main(["export", str(trained_run), str(tmp_path / "b"), "--set", setting]) == 2
        assert message in capsys.readouterr().err and not (tmp_path / "b").exists()
