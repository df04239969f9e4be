"""Brackets, treebanks, and the sentences whose trees are known."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_trees import LONGEST, SHORTEST, SPLITS, make_trees, write_trees

from tests.support import ROOT
from textvae.data.config import DataConfig
from textvae.data.sources import load_corpus
from textvae.data.trees import Tree, format_tree, parse_tree, read_treebank
from textvae.errors import UserError
from textvae.extras.trees.scores import at_random, binarised
from textvae.text import TextConfig

WSJ = "( (S (NP-SBJ (DT The) (NN cat)) (VP (VBD sat) (, ,) (NP (-NONE- *T*-1)) (PP (IN on) (NP (NN it)))) (. .)) )"


def test_a_tree_of_the_penn_treebank() -> None:
    """Punctuation and traces are left out, and what holds nothing else with them."""
    tree = parse_tree(WSJ)
    assert tree.words == ("The", "cat", "sat", "on", "it")
    assert tree.spans == {(0, 5), (0, 2), (2, 5), (3, 5)} and tree.told == tree.spans - {(0, 5)}


def test_unary_branches_and_single_words_add_nothing() -> None:
    assert parse_tree("(S (NP (NP (N dogs))) (VP (VP (V bark))))") == Tree(("dogs", "bark"), frozenset({(0, 2)}))
    assert parse_tree("(S (N dogs))") == Tree(("dogs",), frozenset())
    assert parse_tree("(S (. .))") == Tree((), frozenset())


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("(S (N dogs)", "1 bracket not closed"),
        ("(S (N dogs)))", "outside of the tree"),
        ("(N dogs) (N cats)", "outside of the tree"),
        ("dogs bark", "'dogs' at character 1"),
    ],
)
def test_what_is_no_tree_is_told(line: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        parse_tree(line)


@given(st.lists(st.sampled_from(["a", "(", "b)", "x"]), min_size=1, max_size=9), st.integers(0, 2**32))
def test_what_is_written_can_be_read(words: list[str], seed: int) -> None:
    import numpy as np

    spans = at_random(len(words), np.random.default_rng(seed))
    tree = parse_tree(format_tree(words, spans))
    assert tree.spans == spans
    assert tree.words == tuple(w.replace("(", "-LRB-").replace(")", "-RRB-") for w in words)


def test_brackets_by_hand() -> None:
    assert format_tree(["the", "dog", "barks"], {(0, 3), (0, 2)}) == "( ( the dog ) barks )"
    assert format_tree(["dogs"], set()) == "( dogs )" and format_tree([], set()) == ""


def test_a_treebank_is_a_corpus_whose_references_are_its_trees(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(f"{WSJ}\n\n(S (N dogs) (V bark))\n(S (N cats) (V sleep))\n")
    (tmp_path / "dev.txt").write_text("(S (NP (D a) (N dog)) (V barks))\n")
    corpus = load_corpus(DataConfig(source="trees", path=str(tmp_path)), TextConfig(), tmp_path / "cache")
    assert list(corpus.train["text"]) == ["the cat sat on it", "dogs bark", "cats sleep"]
    assert parse_tree(corpus.train["references"][0][0]).words[0] == "The"
    assert corpus.dev["references"][0] == ["(S (NP (D a) (N dog)) (V barks))"] and corpus.labels == ("text",)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("(S (N dogs) (V bark))\n(S (N dogs)\n")
    with pytest.raises(UserError, match=r"bad.txt:2: 1 bracket not closed"):
        list(read_treebank(tmp_path / "bad.txt"))


# ---------------------------------------------------------------------------------------------- our own grammar
def test_the_bundled_files_are_what_the_grammar_writes(tmp_path: Path) -> None:
    for path in write_trees(tmp_path):
        assert path.read_bytes() == (ROOT / "data" / "sample-trees" / path.name).read_bytes(), path.name


def test_no_sentence_stands_in_two_places_and_all_have_the_promised_length() -> None:
    trees = {split: [parse_tree(line) for line in lines] for split, lines in make_trees(seed=3).items()}
    assert {split: len(found) for split, found in trees.items()} == SPLITS
    words = [tree.words for found in trees.values() for tree in found]
    assert len(set(words)) == len(words) and all(SHORTEST <= len(w) <= LONGEST for w in words)
    assert make_trees(seed=3)["dev"] != make_trees(seed=4)["dev"]


def test_trees_are_binary_and_hold_what_the_grammar_promises() -> None:
    lines = [line for found in make_trees(seed=3).values() for line in found]
    assert all(parse_tree(line).spans == binarised(parse_tree(line)) for line in lines)
    heads = Counter(re.match(r"\(S \((\w+)", line)[1] for line in lines)  # type: ignore[index]
    assert set(heads) == {"NP", "VP", "PP"}
    assert all(any(f"({label} " in line for line in lines) for label in ("RC", "PP", "A", "Adv", "PN", "TV"))


def test_the_verb_agrees_with_the_noun_of_its_subject() -> None:
    """The head of a noun phrase is plural exactly where the verb of its sentence has no s."""
    checked = 0
    for line in make_trees(seed=3)["train"]:
        subject = re.match(r"\(S ((?:\(NP )+)(?:\(D \w+\) (?:\(N1 (?:\(A \w+\) )?)+\(N|\(PN) (\w+)\)", line)
        verb = re.search(r"\) \(VP (?:\(VP )*\((?:IV|TV) (\w+)\)(?!.*\) \(VP )", line)
        if subject and verb and line.count("(VP") == 1 + line.count("(Adv") and "RC" not in line:
            plural = subject[2].endswith("s")
            assert verb[1].endswith("s") != plural, line
            checked += 1
    assert checked > 300
