"""The model card: a header that Hugging Face reads, every fact that is known, none that is not."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import replace
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from textvae import model_card as module
from textvae.model_card import ModelFacts, code, fence, model_card, table

FACTS = ModelFacts(
    labels=("negative", "positive"),
    encoder="gru 256",
    decoder="lstm 300",
    style_size=8,
    content_size=128,
    vocabulary=8602,
    parameters=7_654_321,
    max_words=32,
    data_name="reviews",
    fingerprint="0123abcd",
    sentences={"train": 167_042, "dev": 4_000},
    command="train.py --training.seed 1",
    step=4088,
    weights={"J_rec": 1.0, "J_kl_s": 0.03},
    metrics={"dev/accuracy": 0.93456, "dev/probe_z_c": 0.7, "dev/something_new": 2.0},
)
KNOWN = replace(FACTS, commit="ba4d454+", licence="CC BY-SA 4.0,\n for research", language="no")


def front_matter(card: str) -> dict:
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def test_the_header_is_what_hugging_face_reads() -> None:
    header = front_matter(model_card(FACTS))
    assert header["library_name"] == "textvae" and "text-style-transfer" in header["tags"]
    assert header.keys() == {"library_name", "tags"}
    assert front_matter(model_card(KNOWN))["language"] == "no"


def test_every_fact_is_told() -> None:
    card = model_card(KNOWN)
    for fact in ("`negative`, `positive`", "`gru 256`", "`lstm 300`", "7,654,321", "8,602", "128 + 8", "32 words"):
        assert fact in card, fact
    for fact in ("`reviews`", "0123abcd", "train 167,042, dev 4,000", "train.py --training.seed 1", "step 4,088"):
        assert fact in card, fact
    assert "commit `ba4d454+`" in card and "CC BY-SA 4.0, for research" in card
    assert "| J_kl_s | 0.03 |" in card and "| accuracy | 0.9346 |" in card and "| something_new | 2 |" in card
    titles = re.findall(r"^## (.*)$", card, re.M)
    assert titles == ["How to use it", "Intended use", "Limits", "Data", "Training", "Scores on dev"]


def test_the_limits_are_those_of_what_the_decoder_reads() -> None:
    alone, looking = (model_card(replace(KNOWN, memory=kind)) for kind in ("none", "full"))
    assert "128 + 8" in alone and "looks back" not in alone
    assert "128 + 8" not in looking and "looks back" in looking


def test_what_is_not_known_is_left_out() -> None:
    card = model_card(replace(FACTS, metrics={}))
    assert "None" not in card and "commit" not in card and "Terms of the data" not in card
    assert "Not evaluated." in card


def test_the_code_in_it_runs_as_far_as_it_can_without_a_model() -> None:
    blocks = re.findall(r"```python\n(.*?)```", model_card(replace(FACTS, labels=("a", 'it\'s "b"\\'))), re.S)
    assert len(blocks) == 2
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                importlib.import_module(node.names[0].name)
            elif isinstance(node, ast.ImportFrom):
                assert hasattr(importlib.import_module(str(node.module)), node.names[0].name)


@given(st.text(alphabet="`|a \n"))
def test_no_text_of_the_user_breaks_out_of_its_place(text: str) -> None:
    opened = re.match("`+", code(text))
    assert opened is not None
    inside = code(text)[len(opened[0]) : -len(opened[0])]
    assert opened[0] not in re.findall("`+", inside) and "\n" not in inside
    first, *lines, last = fence(text).split("\n")
    assert first == last + "bash" and all(last not in line for line in lines)
    assert table(("a", "b"), [(text.replace("\n", ""), "c")]).split("\n")[2].replace("\\|", "").count("|") == 3


def test_the_same_facts_give_the_same_card() -> None:
    assert model_card(FACTS) == model_card(replace(FACTS))


def test_it_imports_nothing_of_the_project() -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in imported if name.startswith("textvae")]
