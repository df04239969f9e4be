"""Pretrained parts from the command line: trained, saved, resumed, loaded and used after their folder is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file
from support import ROOT, run_python

from tests.pretrained_parts import save_source
from textvae.checkpoint import Checkpoints
from textvae.config import load_config, parse
from textvae.errors import UserError
from textvae.inference.style_transfer import StyleTransfer

ADAPTERS = (".down", ".up")
SHORT = ("--training.max_steps", "6", "--training.evaluate_every", "6", "--training.checkpoint_every", "3")
SMALL = ("--training.batch_size", "16", "--selection.max_sentences", "40", "--training.precision", "fp32")


def options(source: Path, encoder: str, decoder: str) -> list[str]:
    """The toy configuration with parts from `source`, or our own."""
    found = ["train.py", "--config", "configs/toy/test.yaml", "--tokenizer.kind", "pretrained"]
    for owner, kind in (("encoder", encoder), ("decoder", decoder)):
        if kind != "gru":
            part = {"kind": "pretrained", "pretrained": str(source), "tuning": "adapters"}
            found += [f"--model.{owner}.{name}={value}" for name, value in part.items()]
    return [*found, "--model.output", "full", *SHORT, *SMALL]


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "decoder"), [("bert", "gru"), ("gru", "gpt2"), ("bart", "bart")])
def test_a_run_leaves_its_source_where_it_is(encoder: str, decoder: str, tmp_path: Path, cache: Path) -> None:
    source = save_source(tmp_path / "source", decoder if encoder == "gru" else encoder)
    run, command = tmp_path / "run", options(source, encoder, decoder)
    done = run_python(*command, "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    config = load_config(run / "config.yaml")
    assert config.tokenizer.pretrained == str(source) and config.model.encoder.network is None
    if decoder == "bart":
        done = run_python("train.py", "--run", str(run), "--resume", "--training.max_steps", "9")
        assert done.returncode == 0, done.stderr
        checkpoint = Checkpoints(run / "checkpoints").latest()
        assert checkpoint is not None and checkpoint.step == 9
    assert not any(".body." in n for n in load_file(run / "best" / "model.safetensors") if not n.endswith(ADAPTERS))
    transfer = StyleTransfer.from_pretrained(run, precision="fp32")
    texts = ["the food was good .", "we did n't like the rude waiter !"]
    greedy = transfer(texts, target="positive")
    assert len(greedy) == 2 and greedy == transfer(texts, target="positive")
    found = transfer.candidates(texts, target="positive", num_candidates=3, beam=4, contract=False)
    assert [len(candidates) for candidates in found] == [3, 3]
    assert all(c.log_prob <= 0 for candidates in found for c in candidates)
    assert not list(run.rglob("*.bin")) and not list(run.rglob("*.pt"))
    shutil.rmtree(source)
    with pytest.raises(UserError, match="source"):
        StyleTransfer.from_pretrained(run)


def test_the_shipped_configuration_names_what_it_needs(tmp_path: Path) -> None:
    files = [f"--config={ROOT / 'configs' / 'yelp' / name}.yaml" for name in ("style_content_vae", "pretrained")]
    config, _ = parse(files)
    assert config.tokenizer.pretrained == config.model.decoder.pretrained == "smollm2-135m"
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"model": {"encoder": {"kind": "pretrained", "pretrained": "some/model"}}}))
    with pytest.raises((UserError, SystemExit)):
        parse([f"--config={own}"])


def test_a_missing_model_is_told_without_a_traceback(tmp_path: Path, cache: Path) -> None:
    command = options(tmp_path / "nothing", "bert", "gru")
    done = run_python(*command, "--run", str(tmp_path / "run"), "--cache", str(cache))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "nothing" in done.stderr and "folder" in done.stderr
