"""Laws of reranking, with random models and scorers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.decoding import Decoded
from textvae.inference.reranking import (
    LEANING,
    PARTS,
    Reranker,
    beyond,
    dice,
    distinct,
    diverse,
    longer,
    shared_runs,
    word_pairs,
)
from textvae.inference.scorers import FOLDER, Reranking, RerankingWeights, Scorers
from textvae.inference.style_transfer import StyleTransfer, TransferOptions
from textvae.inference.writing import between
from textvae.tokenization.config import SPECIAL

from .random_run import LABELS, SENTENCES, make_run
from .random_scorers import exact, make_scorers

KINDS = [
    ("word", "gru", "none"),
    ("bpe", "transformer", "none"),
    ("word", "gru", "pooled"),
    ("word", "gru", "translated"),
]
NAMES = ["-".join(kind[:2]) if kind[2] == "none" else kind[2] for kind in KINDS]
LINES = [*SENTENCES[::97], "", "good", "it was bad . my room is clean !", "the staff is rude ."]
PAD, EOS = SPECIAL.pad, SPECIAL.eos
NOTHING = RerankingWeights(**dict.fromkeys(PARTS, 0.0))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("reranked")
    made = {
        name: make_run(folder / name, tokenizer, decoder, memory=memory)
        for name, (tokenizer, decoder, memory) in zip(NAMES, KINDS, strict=True)
    }
    for run in made.values():
        make_scorers(run)
    return made


@pytest.fixture(scope="module", params=NAMES)
def shared(request: pytest.FixtureRequest, runs: dict[str, Path]) -> StyleTransfer:
    return exact(runs[request.param])


@pytest.fixture
def transfer(shared: StyleTransfer) -> Iterator[StyleTransfer]:
    """Its stored way of reranking comes back after every test."""
    stored = shared.scorers.reranking
    yield shared
    shared.scorers.reranking = stored


def weigh(transfer: StyleTransfer, weights: RerankingWeights, **other: object) -> None:
    transfer.scorers.reranking = replace(transfer.scorers.reranking, weights=weights, **other)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- the order
def test_the_models_weight_alone_gives_the_beams_order(transfer: StyleTransfer) -> None:
    weigh(transfer, replace(NOTHING, model=1.0), strengths=(1.0,), diversity=0.0, blanks=False, undo=False)
    for penalty in (1.0, 0.3):
        options = {"num_candidates": 6, "length_penalty": penalty}
        plain = transfer.candidates(LINES, "positive", beam=6, **options)
        reranked = transfer.candidates(LINES, "positive", rerank=True, rerank_candidates=6, **options)
        # subwords may spell one text in two ways; reranking gives it once
        assert [[c.text for c in row] for row in reranked] == [
            list(dict.fromkeys(c.text for c in row)) for row in plain
        ]


@pytest.mark.parametrize("part", ["style", "content", "overlap", "kept", "fluency"])
def test_a_part_alone_puts_its_largest_first(transfer: StyleTransfer, part: str) -> None:
    weigh(transfer, replace(NOTHING, **{part: 1.0}), diversity=0.0)
    differ = 0
    for row in transfer.candidates(SENTENCES[::97], "positive", rerank=True, num_candidates=6):
        values = [c.parts[part] for c in row if c.parts]
        assert values == sorted(values, reverse=True) and len(values) == len(row)
        differ += values[0] > values[-1]
    assert differ > 3


def test_the_parts_are_what_they_are_called(runs: dict[str, Path]) -> None:
    transfer, line = exact(runs["word-gru"]), "the staff is rude ."
    weigh(transfer, RerankingWeights(**dict.fromkeys(PARTS, 1.0)), margin=0.0)
    ids = transfer.pad([transfer.reader.read([line])[0].pieces[0].ids])
    for found in transfer.candidates(line, "mixed", rerank=True, num_candidates=6, detokenise=False):
        tokens = transfer.pad([transfer.reader.encode([found.text])[0]])
        mask = tokens > 0
        parts = found.parts or {}
        with torch.inference_mode():
            means = [transfer.model.encode(x, x > 0).content.mean for x in (ids, tokens)]
            style, fluency = transfer.scorers.style(tokens, mask)[0, 2], transfer.scorers.fluency(tokens, mask)[0]
        assert parts["content"] == pytest.approx(float(torch.cosine_similarity(*means)))
        assert parts["style"] == pytest.approx(float(style)) and parts["fluency"] == pytest.approx(float(fluency))
        assert parts["model"] == pytest.approx(found.log_prob_per_token)


def test_the_explanation_adds_up(transfer: StyleTransfer) -> None:
    weights = (1.0, 0.6, 2.0, 3.0, 1.5, 0.7, 0.4, 0.5, 6.0)
    weigh(transfer, RerankingWeights(*weights))
    for row in transfer.candidates(LINES, "positive", rerank=True, num_candidates=3, retrieve=2):
        for found in row:
            if found.text:
                assert found.parts is not None and tuple(found.parts) == PARTS
                assert sum(found.parts.values()) == pytest.approx(found.score)


def test_a_copy_pays(transfer: StyleTransfer) -> None:
    ids = transfer.reader.read(["the staff is rude ."])[0].pieces[0].ids
    from textvae.inference.reranking import Reranker, Source

    source = transfer.pad([ids])
    tokens = torch.stack((source[0], source[0].flip(0)))[None]
    found = Decoded(tokens, torch.zeros(1, 2, dtype=torch.float64), torch.full((1, 2), source.shape[1]))
    with torch.inference_mode():
        content = transfer.model.encode(source, source > 0).content.value
        style = torch.zeros(3, dtype=torch.float64)
        weights = replace(NOTHING, copy=7.0)
        rerank = Reranker(transfer.model, transfer.scorers)
        parts = rerank.parts(Source(source, content), found, style, 1.0)
        ranked, parts, _ = rerank.sorted(found, parts, weights)
    assert torch.equal(ranked.tokens[0], tokens[0].flip(0)), "the copy comes last"
    assert parts[0, :, PARTS.index("copy")].tolist() == [0.0, -7.0]


def test_overlap_leaves_style_words_out(runs: dict[str, Path]) -> None:
    from textvae.inference.reranking import Reranker

    transfer = exact(runs["word-gru"])

    def overlap(a: str, b: str) -> float:
        pads = transfer.pad([line.pieces[0].ids for line in transfer.reader.read([a, b])])
        return float(Reranker(transfer.model, transfer.scorers).overlap(pads[:1], pads[1:])[0])

    food = "the food is very good"
    assert overlap(food, food) == 1.0 and overlap(food, "my staff was rude") == 0.0
    # 4 of 5 words and 3 of 4 pairs
    assert overlap(food, "the food is very bad") == pytest.approx((4 + 3) / (5 + 4))
    words = transfer.reader.encode(["good", "bad"])
    transfer.model.set_style_tokens([ids[0] for ids in words])
    assert overlap(food, "the food is very bad") == 1.0
    assert overlap("good", "bad") == 1.0 and overlap("good", "the food") == 0.0


# ---------------------------------------------------------------------- batches
@pytest.mark.parametrize("options", [{}, {"retrieve": 3}, {"sample": True}], ids=str)
def test_alone_is_as_among_others(transfer: StyleTransfer, options: dict[str, object]) -> None:
    lines = LINES * 2
    together = transfer(lines, "positive", rerank=True, **options)
    assert transfer(lines, "positive", rerank=True, batch_size=13, **options) == together
    assert list(transfer.stream(lines, "positive", window=4, rerank=True, **options)) == together
    if "sample" not in options:
        assert [transfer(line, "positive", rerank=True, **options) for line in lines] == together
        assert transfer(lines[::-1], "positive", rerank=True, **options) == together[::-1]


def test_candidates_are_distinct_and_as_many_as_asked(transfer: StyleTransfer) -> None:
    for row in transfer.candidates(SENTENCES[::97], "positive", rerank=True, num_candidates=8, contract=False):
        assert len(row) > 2 and len({c.text for c in row}) == len(row)


def test_strengths_are_multiples_of_the_one_asked_for(transfer: StyleTransfer) -> None:
    weigh(transfer, replace(NOTHING, model=1.0), strengths=(2.0,), blanks=False, undo=False)
    lines = SENTENCES[::97]
    reranked = transfer(lines, "positive", rerank=True, rerank_candidates=1, strength=1.5)
    assert reranked == transfer(lines, "positive", strength=3.0) != transfer(lines, "positive", strength=1.5)


# ---------------------------------------------------------------------- pure parts
def test_half_of_the_candidates_fill_the_blanks(runs: dict[str, Path]) -> None:
    transfer, line = exact(runs["translated"]), "the staff is not very rude ."
    options = {"rerank": True, "rerank_candidates": 8, "num_candidates": 8, "detokenise": False}
    found: dict[bool, set[str]] = {}
    for blanks in (True, False):
        weigh(transfer, RerankingWeights(), strengths=(1.0,), diversity=0.0, blanks=blanks, undo=False)
        found[blanks] = {c.text for c in transfer.candidates(line, "positive", **options)}
    plain = {c.text for c in transfer.candidates(line, "positive", beam=4, num_candidates=4, detokenise=False)}
    assert plain <= found[True] and len(found[True] - plain) > 0
    # What fills a blank does not depend on the words that it hides.
    other = {c.text for c in transfer.candidates("the staff is bad .", "positive", **options)}
    weigh(transfer, RerankingWeights(), strengths=(1.0,), diversity=0.0, blanks=True, undo=False)
    assert (found[True] - plain) & {c.text for c in transfer.candidates("the staff is bad .", "positive", **options)}
    assert other != found[False]


def test_what_lies_between_is_ranked_with_the_candidates(transfer: StyleTransfer) -> None:
    lines = ["the staff is not very rude .", "my room is clean and quiet", "the food was bad"]
    ids = transfer.pad([line.pieces[0].ids for line in transfer.reader.read(lines)])
    found: dict[bool, list[set[tuple[int, ...]]]] = {}
    for undo in (False, True):
        weigh(transfer, RerankingWeights(), undo=undo)
        with torch.inference_mode():
            ranked = transfer.writer(TransferOptions("positive", rerank=True, rerank_candidates=6))(ids).found
        found[undo] = [
            {tuple(tokens[: n - 1]) for tokens, n in zip(*row, strict=True) if n}
            for row in zip(ranked.tokens.tolist(), ranked.lengths.tolist(), strict=True)
        ]
    for padded, written, more in zip(ids.tolist(), *found.values(), strict=True):
        source = tuple(token for token in padded if token not in (transfer.ids.pad, transfer.ids.eos))
        expected = {new for rewriting in written for new in between(source, rewriting)} - {source, ()}
        assert more == written | expected
    assert sum(map(len, found[True])) > sum(map(len, found[False]))


def test_an_older_file_means_what_it_meant() -> None:
    stored = asdict(Reranking())
    for new in ("undo", "margin", "phrases", "rounds"):
        del stored[new]
    for new in ("against", "kept", "longer"):
        del stored["weights"][new]
    weights = replace(RerankingWeights(), against=0.0, kept=0.0, longer=0.0)
    older = replace(Reranking(), undo=False, margin=0.0, weights=weights)
    assert Reranking.from_dict(stored) == older and not older.phrases


@given(st.floats(-12, 12), st.floats(-3, 6))
def test_a_margin_is_taken_from_the_log_odds(logit: float, margin: float) -> None:
    log_p = torch.tensor([logit], dtype=torch.float64).sigmoid().log()
    expected = torch.tensor([logit - margin], dtype=torch.float64).sigmoid().log()
    assert float(beyond(log_p, margin)) == pytest.approx(float(expected), rel=1e-5)
    assert torch.equal(beyond(log_p, 0.0), log_p)
    assert beyond(torch.zeros(1), margin).isfinite()


@given(st.lists(st.integers(6, 9), max_size=7), st.lists(st.integers(6, 9), max_size=7))
def test_shared_runs_are_counted_as_sets_of_places(left: list[int], right: list[int]) -> None:
    def runs(words: list[int], n: int) -> list[tuple[int, ...]]:
        return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

    pairs = [(runs(left, n), runs(right, n)) for n in (1, 2, 3, 4)]
    shared = sum(sum(x in b for x in a) + sum(x in a for x in b) for a, b in pairs)
    total = sum(len(a) + len(b) for a, b in pairs)
    padded = (torch.tensor([[*words, EOS, *[PAD] * pads]]) for words, pads in ((left, 2), (right, 0)))
    assert float(shared_runs(*padded, (PAD, EOS))) == pytest.approx(shared / total if total else 1.0)


@given(st.lists(st.integers(6, 9), max_size=7), st.lists(st.integers(6, 9), min_size=1, max_size=7))
def test_longer_is_the_share_of_words_more(left: list[int], right: list[int]) -> None:
    padded = (torch.tensor([[*words, EOS, *[PAD] * pads]]) for words, pads in ((left, 2), (right, 0)))
    assert float(longer(*padded, (PAD, EOS))) == pytest.approx(max(0.0, len(left) / len(right) - 1))


def test_a_word_leans_as_far_as_it_changes_the_odds(transfer: StyleTransfer) -> None:
    word, leanings = transfer.reader.encode(["bad"])[0][-1], transfer.scorers.leanings
    alone, none = (
        transfer.scorers.style(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool))[0].exp()
        for ids in ([word, EOS], [EOS])
    )
    wanted = (alone / (1 - alone)).log() - (none / (1 - none)).log()
    torch.testing.assert_close(leanings[word], wanted, rtol=1e-3, atol=1e-4)
    assert not leanings[[*vars(SPECIAL).values()]].any()


@pytest.mark.parametrize(
    ("words", "count"),
    [([], 0.0), ([8], 1.0), ([8, 5, 8], 2.0), ([9], 0.5), ([7, 8], 0.0), ([7, 5, 8], 0.0), ([7, 5, 5, 8], 1.0)],
    ids=str,
)
def test_words_against_the_style_count_unless_turned(transfer: StyleTransfer, words: list[int], count: float) -> None:
    leanings = torch.zeros(10, 2)
    leanings[7] = torch.tensor([-9.0, 9.0])  # not
    leanings[8] = torch.tensor([9.0, -9.0])  # bad
    leanings[9] = torch.tensor([LEANING + 0.5, -LEANING - 0.5])
    reranker = Reranker(transfer.model, transfer.scorers)
    reranker.scorers = SimpleNamespace(leanings=leanings)  # type: ignore[assignment]
    tokens, wanted = torch.tensor([[*words, EOS, PAD]]), torch.tensor([0.0, 1.0])
    for style in (wanted, wanted[None]):
        assert float(reranker.against(tokens, style)) == pytest.approx(count)
    assert float(reranker.against(tokens, 1 - wanted)) == float(words.count(7))


def test_distinct_keeps_the_first_of_equal_candidates() -> None:
    tokens = torch.tensor([[[5, 2, 0], [6, 2, 0], [5, 2, 0]]])
    found = distinct(Decoded(tokens, torch.tensor([[-1.0, -2.0, -1.5]]), torch.tensor([[2, 2, 2]])))
    assert found.lengths.tolist() == [[2, 2, 0]] and found.scores.tolist() == [[-1.0, -2.0, -torch.inf]]


@given(st.lists(st.tuples(st.floats(-5, 5), st.sampled_from(SENTENCES)), max_size=8), st.integers(1, 8))
def test_diversity_0_is_the_order_of_scores(items: list[tuple[float, str]], count: int) -> None:
    chosen = diverse([(score, text, score) for score, text in items], count, 0.0)
    best = {text: max(score for score, other in items if other == text) for _, text in items}
    assert chosen == sorted(best.values(), reverse=True)[:count]


def test_diversity_passes_over_what_is_alike() -> None:
    items = [(3.0, "the food is good .", 0), (2.9, "the food is great .", 1), (2.0, "a nice place !", 2)]
    assert diverse(items, 2, 0.0) == [0, 1]
    assert diverse(items, 2, 3.0) == [0, 2]
    assert dice(word_pairs("a b"), word_pairs("a b")) == 1.0 and dice(word_pairs("a"), word_pairs("b")) == 0.0


# ---------------------------------------------------------------------- files and mistakes
def test_what_was_saved_is_loaded(runs: dict[str, Path], tmp_path: Path) -> None:
    transfer = exact(runs["word-gru"])
    first = Scorers.load(runs["word-gru"] / "best" / FOLDER, transfer.model.config.vocab_size, LABELS)
    first.reranking = Reranking(RerankingWeights(copy=3.5), 7, (0.5, 2.0), 0.25)
    first.save(tmp_path, LABELS)
    second = Scorers.load(tmp_path, transfer.model.config.vocab_size, LABELS)
    assert asdict(second.reranking) == asdict(first.reranking)
    tokens = transfer.pad([line.pieces[0].ids for line in transfer.reader.read(SENTENCES[::97])])
    with torch.inference_mode():
        assert torch.equal(first.style(tokens, tokens > 0), second.style(tokens, tokens > 0))
        assert torch.equal(first.fluency(tokens, tokens > 0), second.fluency(tokens, tokens > 0))


def test_missing_scorers_name_the_command(tmp_path: Path) -> None:
    bare = StyleTransfer.from_pretrained(make_run(tmp_path / "bare"), device="cpu")
    for options in ({"rerank": True}, {"revise": True}, {"retrieve_only": True}):
        with pytest.raises(UserError, match="textvae fit-scorers"):
            next(bare.stream(["it was bad ."], "positive", **options))


def test_damaged_or_foreign_scorers(runs: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs["word-gru"], tmp_path / "copy"))
    folder = copy / "best" / FOLDER

    def broken(name: str, content: bytes, match: str) -> None:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        with pytest.raises(UserError, match=match):
            StyleTransfer.from_pretrained(copy, device="cpu")("it was bad .", "positive", rerank=True)
        (folder / name).write_bytes(whole)

    facts = json.loads((folder / "guide.json").read_text())
    broken("guide.safetensors", b"\x00" * 50, "damaged")
    broken("reranking.json", b"{}", "damaged")
    broken("guide.json", json.dumps({**facts, "labels": ["a", "b", "c"]}).encode(), "labels")
    broken("language_model.json", json.dumps({**facts, "vocab_size": 3}).encode(), "words")


@pytest.mark.parametrize(
    "options",
    [
        {"rerank_candidates": 4},
        {"retrieve": 2},
        {"diversity": 0.5},
        {"rerank": True, "rerank_candidates": 0},
        {"rerank": True, "retrieve": -1},
        {"rerank": True, "diversity": float("nan")},
        {"rerank": True, "retrieve_only": True},
        {"beam": 3, "retrieve_only": True},
        {"revise_steps": 3},
        {"like": "so good !"},
    ],
    ids=str,
)
def test_contradictory_options(transfer: StyleTransfer, options: dict[str, object]) -> None:
    with pytest.raises(UserError):
        transfer("it was bad .", target="positive", **options)


def test_contradictory_settings() -> None:
    for make in (
        lambda: Reranking(candidates=0),
        lambda: Reranking(strengths=()),
        lambda: Reranking(diversity=float("inf")),
        lambda: Reranking(phrases=-1),
        lambda: Reranking(rounds=-1),
        lambda: RerankingWeights(style=float("nan")),
    ):
        with pytest.raises(UserError):
            make()
