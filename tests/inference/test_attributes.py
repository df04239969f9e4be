"""Transfer of some attributes of a style while the others are kept: a random model, the laws of every line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from textvae.commands import transfer as command
from textvae.commands.prompt import shown, wanted
from textvae.errors import UserError
from textvae.inference.reranking import PARTS, Source, beyond
from textvae.inference.scorers import RerankingWeights
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.inference.targets import of_exemplars, of_labels, own_labels, own_style

from .random_run import LABELS, SENTENCES, make_run
from .random_scorers import exact, make_scorers

TWO = {"sentiment": LABELS, "tense": ("past", "present")}
LINES = [*SENTENCES[::97], "", "it was bad . my room is clean !"]
SIZE = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    run = make_run(tmp_path_factory.mktemp("attributes") / "run", memory="full", labels=TWO)
    make_scorers(run)
    return run


@pytest.fixture(scope="module")
def transfer(run: Path) -> StyleTransfer:
    return exact(run)


def test_the_model_knows_its_attributes(transfer: StyleTransfer) -> None:
    assert transfer.attributes.by_name() == TWO
    assert transfer.labels == (*(f"sentiment={x}" for x in LABELS), "tense=past", "tense=present")
    assert transfer.model.style_latent.size == 2 * SIZE


def test_every_way_to_name_a_target_is_the_same(transfer: StyleTransfer) -> None:
    both = transfer(LINES, {"sentiment": "positive", "tense": "past"})
    assert transfer(LINES, ["positive", "past"]) == transfer(LINES, ("tense=past", "sentiment=positive")) == both
    assert transfer(LINES, "tense=past") == transfer(LINES, {"tense": "past"}) == transfer(LINES, "past") != both


@torch.no_grad()
@pytest.mark.parametrize("strength", [None, 0.0, 2.5])
def test_only_the_named_blocks_are_replaced(transfer: StyleTransfer, strength: float | None) -> None:
    model, own = transfer.model, torch.randn(5, 2 * SIZE, dtype=torch.float64)
    target = of_labels(model, {1: 0})
    styles = target.of_sentences(target.at(model, strength)[None], own, 5)
    assert torch.equal(styles[:, :SIZE], own[:, :SIZE])
    whole = model.style_vector(torch.tensor([[0, 0]]), strength)
    torch.testing.assert_close(styles[:, SIZE:], whole[:, SIZE:].expand(5, -1))
    everything = of_labels(model, {1: 0, 0: 2})
    assert everything.kept is None
    found = everything.of_sentences(everything.at(model, strength)[None], own, 5)
    torch.testing.assert_close(found, model.style_vector(torch.tensor([[2, 0]]), strength).expand(5, -1))


@torch.no_grad()
def test_what_is_kept_is_the_label_found_or_the_latent(transfer: StyleTransfer) -> None:
    model, z_s = transfer.model, torch.randn(50, 2 * SIZE, dtype=torch.float64)
    assert torch.equal(own_style(model, z_s, "latent"), z_s)
    found = own_style(model, z_s, "label")
    sentiment, tense = (logits.argmax(1) for logits in model.style_head(z_s))
    assert len(set(sentiment.tolist())) == 3 and len(set(tense.tolist())) == 2
    torch.testing.assert_close(found[:, :SIZE], model.style_vectors[:3][sentiment])
    torch.testing.assert_close(found[:, SIZE:], model.style_vectors[3:][tense])


def test_naming_the_label_that_is_found_is_keeping_it(transfer: StyleTransfer) -> None:
    lines = [line for line in LINES if line and len(transfer.reader.read([line])[0].pieces) == 1]
    ids = transfer.pad([transfer.reader.read([line])[0].pieces[0].ids for line in lines])
    with torch.inference_mode():
        z_s = transfer.model.encode(ids, ids > 0).style.mean
        labels = [LABELS[i] for i in transfer.model.style_head(z_s)[0].argmax(1).tolist()]
    assert len(set(labels)) > 1
    for line, label in zip(lines, labels, strict=True):
        named = transfer(line, {"tense": "past", "sentiment": label}, strength=1.0)
        assert transfer(line, {"tense": "past"}, strength=1.0) == named


@pytest.mark.parametrize("keep", ["label", "latent"])
@pytest.mark.parametrize(
    "search",
    [
        {},
        {"beam": 3, "num_candidates": 2},
        {"sample": True, "num_candidates": 2},
        {"rerank": True, "num_candidates": 2, "retrieve": 2},
        {"retrieve_only": True},
        {"revise": True, "revise_steps": 2},
    ],
)
def test_alone_is_as_in_a_batch(transfer: StyleTransfer, keep: str, search: dict[str, Any]) -> None:
    together = transfer.candidates(LINES, "tense=past", keep=keep, **search)
    few = transfer.candidates(LINES, "tense=past", keep=keep, batch_size=3, **search)
    for number, (line, expected) in enumerate(zip(LINES, together, strict=True)):
        # a sample depends on the number of its line
        alone = few[number] if search.get("sample") else transfer.candidates(line, "tense=past", keep=keep, **search)
        assert [c.text for c in alone] == [c.text for c in expected]
        assert [c.log_prob for c in alone] == pytest.approx([c.log_prob for c in expected])


def test_strength_scales_what_is_changed_alone(transfer: StyleTransfer) -> None:
    assert transfer(LINES, "past", strength=0.0) == transfer(LINES, "present", strength=0.0)
    assert transfer(LINES, "past", strength=4.0) != transfer(LINES, "present", strength=4.0)


def test_the_style_probability_is_that_of_the_labels_named(transfer: StyleTransfer) -> None:
    line = "the food was very good ."
    for target in ({"tense": "past"}, {"tense": "past", "sentiment": "mixed"}):
        (candidate,) = transfer.candidates(line, target, detokenise=False)
        ids = transfer.pad([piece.ids for piece in transfer.reader.read([candidate.text])[0].pieces])
        with torch.inference_mode():
            logits = transfer.model.style_head(transfer.model.encode(ids, ids > 0).style.mean)
        expected = 1.0
        for attribute, label in transfer.attributes.choose(target).items():
            expected *= float(logits[attribute].softmax(-1)[0, label])
        assert candidate.style_probability == pytest.approx(expected, abs=1e-5)


# ---------------------------------------------------------------------- what ranks, retrieves and revises
def own_labels_of(transfer: StyleTransfer, line: str) -> list[int]:
    ids = transfer.pad([transfer.reader.read([line])[0].pieces[0].ids])
    with torch.inference_mode():
        return own_labels(transfer.model, transfer.model.encode(ids, ids > 0).style.mean)[0].tolist()


@pytest.mark.parametrize("keep", ["label", "latent"])
@pytest.mark.parametrize("target", [{"tense": "past"}, {"sentiment": "mixed"}, {"tense": "past", "sentiment": "mixed"}])
def test_the_style_of_a_candidate_is_the_sum_over_all_attributes(
    transfer: StyleTransfer, target: dict[str, str], keep: str
) -> None:
    weights, labels = transfer.scorers.reranking.weights, set()
    for line in SENTENCES[::97]:
        wanted = own_labels_of(transfer, line)
        labels.add(tuple(wanted))
        for attribute, label in transfer.attributes.choose(target).items():
            wanted[attribute] = label
        options = {"rerank": True, "num_candidates": 6, "detokenise": False, "keep": keep, "contract": False}
        for found in transfer.candidates(line, target, **options):
            tokens = transfer.pad([transfer.reader.encode([found.text])[0]])
            with torch.inference_mode():
                sentiment, tense = transfer.scorers.guide(tokens, tokens > 0).split((3, 2), dim=1)
            found_labels = sentiment.log_softmax(1)[0, wanted[0]], tense.log_softmax(1)[0, wanted[1]]
            expected = sum(beyond(log_prob, transfer.scorers.reranking.margin) for log_prob in found_labels)
            assert (found.parts or {})["style"] == pytest.approx(weights.style * float(expected))
    assert len(labels) > 3, "the sentences differ in what they keep"


def test_the_best_by_style_alone_have_the_labels_wanted_most(transfer: StyleTransfer) -> None:
    stored = transfer.scorers.reranking
    style = replace(RerankingWeights(**dict.fromkeys(PARTS, 0.0)), style=1.0, copy=30.0)
    transfer.scorers.reranking = replace(stored, weights=style, diversity=0.0)
    try:
        for row in transfer.candidates(SENTENCES[::97], "past", rerank=True, num_candidates=6, contract=False):
            values = [c.parts["style"] for c in row if c.parts]
            assert values == sorted(values, reverse=True) and values[0] > values[-1]
    finally:
        transfer.scorers.reranking = stored


@pytest.mark.parametrize("target", [{"tense": "past"}, {"sentiment": "mixed"}, {"tense": "past", "sentiment": "mixed"}])
def test_what_is_retrieved_has_all_the_labels_wanted(transfer: StyleTransfer, target: dict[str, str]) -> None:
    combinations = set()
    lines = SENTENCES[::53]
    for line, row in zip(
        lines, transfer.candidates(lines, target, retrieve_only=True, num_candidates=3, detokenise=False), strict=True
    ):
        wanted = own_labels_of(transfer, line)
        for attribute, label in transfer.attributes.choose(target).items():
            wanted[attribute] = label
        combinations.add(number := 2 * wanted[0] + wanted[1])
        assert len(row) == 3 and {c.text for c in row} <= set(SENTENCES[number::6])
    assert len(combinations) == {1: 3 if "tense" in target else 2, 2: 1}[len(target)]


def test_retrieved_sentences_are_scored_like_written_ones(transfer: StyleTransfer) -> None:
    """Of a sentence that keeps an attribute: a candidate found by search and one found by retrieval read one z_s."""
    line = "the staff is rude ."
    written = transfer.candidates(line, "past", beam=4, num_candidates=4, detokenise=False)
    tokens = [transfer.reader.encode([c.text])[0] for c in written]
    writer = transfer.writer(TransferOptions("past"))
    ids = transfer.pad([transfer.reader.read([line])[0].pieces[0].ids])
    with torch.inference_mode():
        latents = transfer.model.encode(ids, ids > 0)
        own = own_style(transfer.model, latents.style.value, "label")
        source = Source(ids, latents.content.value, latents.source, own)
        scores = writer.log_probs(source, transfer.pad(tokens)[None])
    assert scores[0].tolist() == pytest.approx([c.log_prob for c in written], abs=1e-6)


def test_revision_raises_the_sum_over_all_attributes(transfer: StyleTransfer) -> None:
    gain = []
    for line in SENTENCES[::97]:
        wanted = own_labels_of(transfer, line)
        wanted[1] = 0
        values = []
        for steps in (0, 15):
            text = transfer(line, "past", revise=True, revise_steps=steps, revise_threshold=0.99, detokenise=False)
            tokens = transfer.pad([transfer.reader.encode([text])[0]])
            with torch.inference_mode():
                found = transfer.scorers.style(tokens, tokens > 0)[0]
            values.append(float(found[wanted[0]] + found[3 + wanted[1]]))
        gain.append(values[1] - values[0])
    assert sum(gain) > 1.0 and sum(x >= -0.5 for x in gain) >= 0.9 * len(gain), (
        gain
    )  # the distance moved costs a little


def test_candidates_can_be_revised_before_anything_else(run: Path) -> None:
    """The scorers are loaded inside a forward pass then, and the gradient goes through them all the same."""
    fresh = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    assert fresh.candidates(SENTENCES[0], "past", revise=True, revise_steps=1)


@torch.no_grad()
def test_an_exemplar_gives_every_attribute(transfer: StyleTransfer) -> None:
    vector = transfer.model.style_vector(torch.tensor([[1, 0]]), 1.0)
    exemplar = of_exemplars(transfer.model, vector)
    assert exemplar.kept is None and not exemplar.named
    assert exemplar.shares.split((3, 2))[0].sum() == pytest.approx(1.0)
    torch.testing.assert_close(
        exemplar.at(transfer.model, 2.0), transfer.model.style_vector(torch.tensor([[1, 0]]), 2.0)[0]
    )
    assert len(transfer(LINES, like=["my room was so clean !"])) == len(LINES)


# ---------------------------------------------------------------------- what is wrong
def test_a_combination_that_the_corpus_lacks_is_told(transfer: StyleTransfer) -> None:
    index = transfer.index
    offsets = index.labels.clone()
    offsets[4:] = offsets[3]  # of mixed sentences none is left, nor of positive ones in the present
    transfer.index = replace(index, labels=offsets)
    try:
        assert transfer("good", ["positive", "past"], retrieve_only=True)
        with pytest.raises(UserError, match=r"no sentence .* \(sentiment=positive, tense=present\)"):
            transfer("good", ["positive", "present"], retrieve_only=True)
        few = transfer.candidates(LINES, "past", rerank=True, retrieve=2, num_candidates=2)
        assert [bool(row[0].text) for row in few] == [bool(line) for line in LINES], "the others have candidates"
    finally:
        transfer.index = index


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("future", "this model knows: sentiment=negative, .*tense=present"),
        ({"tense": "future"}, "tense has no label 'future'; it knows: past, present"),
        ({"mood": "past"}, "unknown attribute 'mood'"),
        (["past", "present"], "two labels of tense"),
        ([], "say which style is wanted"),
        ({}, "say which style is wanted"),
    ],
)
def test_a_wrong_target_is_told_before_anything_is_read(transfer: StyleTransfer, target: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        next(transfer.stream(iter(lambda: pytest.fail("read"), None), target))


# ---------------------------------------------------------------------- the command
def answers(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    lines = run.parent / "lines.txt"
    lines.write_text("\n".join(LINES[:4]) + "\n")
    assert command.main([str(run), *options, "--precision", "fp32", str(lines)]) == 0
    return capsys.readouterr().out


def test_the_command_takes_several_targets(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    for options, target in (
        (("--to", "positive", "--to", "tense=past"), ["positive", "tense=past"]),
        (("--to", "past", "--keep", "latent"), "past"),
    ):
        expected = model(LINES[:4], target, keep="latent" if "latent" in options else "label")
        assert answers(run, monkeypatch, capsys, *options).splitlines() == expected
        rows = [json.loads(line) for line in answers(run, monkeypatch, capsys, *options, "--json").splitlines()]
        assert [row["candidates"][0]["text"] for row in rows] == expected
        assert rows[0]["target"] == target


def test_the_prompt_takes_labels_between_commas(transfer: StyleTransfer) -> None:
    assert wanted("past", transfer) == ("past",)
    assert wanted("tense=past", transfer) == "tense=past"
    assert wanted("positive, tense=past", transfer) == ("positive", "tense=past")
    assert shown(TransferOptions(target=("positive", "tense=past"))) == "positive, tense=past"
    assert shown(TransferOptions(target={"tense": "past"})) == "tense=past"
