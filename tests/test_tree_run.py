"""A grammar from the command line: trained, resumed, looked at, and used on sentences of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from support import run_python

from tests.test_experiment import last_weights
from textvae.cli import main
from textvae.config import load_config
from textvae.data.trees import parse_tree
from textvae.errors import UserError
from textvae.extras.trees.config import TreeExperimentConfig
from textvae.extras.trees.parser import TreeParser
from textvae.tokenization.config import TokenizerConfig

TRAIN = (
    "train.py",
    "--config",
    "configs/toy/trees.yaml",
    "--model.grammar",
    '{"nonterminals":4,"preterminals":6,"size":16}',
)
SHORT = ("--training.max_steps", "8", "--training.evaluate_every", "4", "--training.checkpoint_every", "4")


@pytest.fixture(scope="module")
def tree_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run: 8 steps on the bundled sentences, with z."""
    run = tmp_path_factory.mktemp("runs") / "trees"
    small = ("--model.kind", "compound", "--model.encoder.size", "8", "--selection.max_sentences", "40")
    done = run_python(*TRAIN, *small, *SHORT, "--run", str(run), "--cache", str(cache))
    assert done.returncode == 0, done.stderr
    assert "sentence_f1" in done.stderr
    return run


def test_a_run_directory_tells_what_was_trained(tree_run: Path) -> None:
    config = load_config(tree_run / "config.yaml")
    assert isinstance(config, TreeExperimentConfig) and config.curriculum.first == 3
    lines = [json.loads(line) for line in (tree_run / "metrics.jsonl").read_text().splitlines()]
    assert any({"train/grammar/J_rec", "train/grammar/J_kl", "train/lambda/J_kl"} <= set(line) for line in lines)
    dev = [line for line in lines if "dev/score" in line]
    assert len(dev) == 2 and all({"dev/nll", "dev/perplexity", "dev/corpus_f1"} <= set(line) for line in dev)
    assert "4 nonterminals" in (tree_run / "best" / "README.md").read_text()


def test_stopped_and_resumed_equals_uninterrupted(tree_run: Path, tmp_path: Path, cache: Path) -> None:
    run = tmp_path / "stopped"
    shutil.copytree(tree_run, run)
    shutil.rmtree(run / "checkpoints" / "step_00000008")
    done = run_python("train.py", "--run", str(run), "--cache", str(cache), "--resume")
    assert done.returncode == 0 and "resumed at step 4" in done.stderr, done.stderr
    whole, parts = last_weights(tree_run), last_weights(run)
    assert whole.keys() == parts.keys() and all(torch.equal(whole[n], parts[n]) for n in whole)


def test_evaluate_scores_trees_and_likelihood(
    tree_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    few = ["--evaluation.max_sentences=30", "--evaluation.samples=2"]
    assert main(["evaluate", str(tree_run), *few, "--save", str(tmp_path / "new")]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("right-branching", "balanced", "random", "bound", "3-gram NLL", "perplexity"))
    saved = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert saved["data"] == "test" and saved["sentences"] == 30 and saved["samples"] == 2
    assert saved["trees"]["bound"]["corpus_f1"] == 1 and saved["ngram_nll"] > 0


def test_evaluate_reads_a_treebank_of_the_user(
    tree_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bank = tmp_path / "my.trees"
    bank.write_text("(S (NP (D This) (N horse)) (VP (V runs) (. .)))\n(S (NP (N zebras)) (VP (V growl) (Adv often)))\n")
    assert main(["evaluate", str(tree_run), "--treebank", str(bank), "--evaluation.samples=1"]) == 0
    shown = capsys.readouterr().out
    assert "2 sentences of" in shown and "2 sentences with more than trivial spans" in shown
    assert not (tree_run / "evaluation").exists(), "the run's own result is not overwritten"
    bank.write_text("(S (N dogs)\n")
    assert main(["evaluate", str(tree_run), "--treebank", str(bank)]) == 2
    assert f"{bank}:1: 1 bracket not closed" in capsys.readouterr().err
    bank.write_text("(S (. .))\n")
    assert main(["evaluate", str(tree_run), "--treebank", str(bank)]) == 2
    assert "none of 1 trees" in capsys.readouterr().err


def test_parse_puts_sentences_in_brackets(tree_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Every dog barks.\n\nmary\nzebras near cats growl !\n")
    assert main(["parse", str(tree_run), str(text), "--output", str(tmp_path / "out.txt")]) == 0
    lines = (tmp_path / "out.txt").read_text().split("\n")
    assert [parse_tree(line).words if line else () for line in lines] == [
        ("every", "dog", "barks"),
        (),
        ("mary",),
        ("zebras", "near", "cats", "growl"),
        (),
    ]
    assert main(["parse", str(tree_run), str(text), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["input"] == "Every dog barks." and [0, 3] in rows[0]["spans"] and rows[0]["log_prob"] < 0
    assert rows[0]["tree"] == lines[0] and rows[1]["words"] == []


def test_together_is_as_alone(tree_run: Path) -> None:
    parser = TreeParser.from_pretrained(tree_run)
    texts = ["mary sleeps", "many old dogs that chase cats growl", "behind a bird", "", "rex"]
    together = parser.parse(texts)
    for text, found in zip(texts, together, strict=True):
        (alone,) = parser.parse([text])
        assert alone.spans == found.spans and alone.words == found.words
        assert alone.log_prob == pytest.approx(found.log_prob, abs=1e-4)
    assert parser(texts[0]) == "( mary sleeps )"


def test_wrong_input_is_told(tree_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("dogs " * 201 + "\n")
    assert main(["parse", str(tree_run), str(tmp_path / "long.txt")]) == 2
    assert "text 1 has 201 words" in capsys.readouterr().err
    assert main(["parse", str(tmp_path), str(tmp_path / "long.txt")]) == 2
    assert main(["evaluate", str(tree_run), "--split", "dev", "--treebank", "x"]) == 2
    with pytest.raises(UserError, match="stands over words"):
        TreeExperimentConfig(tokenizer=TokenizerConfig(kind="bpe"))
