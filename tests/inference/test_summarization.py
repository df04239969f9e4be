"""The pipeline on raw documents: a random model of every kind of network and tokenizer, the laws of every line."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.config import DecodingConfig
from textvae.inference.lengths import Length
from textvae.inference.pieces import pad
from textvae.inference.style_transfer import StyleTransfer
from textvae.inference.summarization import Summarizer, Task
from textvae.inference.summary_options import SummaryOptions
from textvae.modules.seq2seq import Seq2SeqState
from textvae.text import detokenise, normalise, spaced

from .random_run import make_run
from .random_summarizer import DOCUMENTS, LANGUAGES, MAX_SOURCE, SLOTS, make_summarizer

KINDS = [("word", "lstm"), ("bpe", "transformer"), ("character", "gru"), ("chinese", "lstm")]
NAMES = [f"{tokenizer}-{network}" for tokenizer, network in KINDS]
LONG = " ".join(DOCUMENTS[::37])
"""A document of several pieces, each with a sentence end."""
SHORT = [document for document in DOCUMENTS if len(document.split()) < MAX_SOURCE - 4]
"""Documents of one piece."""


@pytest.fixture(scope="session")
def summarizer_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("summarizers")
    return {name: make_summarizer(folder / name, *kind) for name, kind in zip(NAMES, KINDS, strict=True)}


@pytest.fixture(scope="session")
def summarizers(summarizer_runs: dict[str, Path]) -> dict[str, Summarizer]:
    return {name: exact(path) for name, path in summarizer_runs.items()}


def exact(path: Path) -> Summarizer:
    """In float64: laws about equal summaries must not hang on the last bit."""
    pipeline = Summarizer.from_pretrained(path, device="cpu", precision="fp32")
    pipeline.model.double()
    return pipeline


@pytest.fixture(params=sorted(NAMES))
def summarize(request: pytest.FixtureRequest, summarizers: dict[str, Summarizer]) -> Summarizer:
    return summarizers[request.param]


@pytest.fixture
def word(summarizers: dict[str, Summarizer]) -> Summarizer:
    return summarizers["word-lstm"]


def lines_for(pipeline: Summarizer) -> list[str]:
    """Documents in the model's own language, some long, some empty, some with unknown words."""
    kind = next(name for name, path in KIND_OF.items() if path == type_of(pipeline))
    own = LANGUAGES[kind]
    long = "".join(own[::9]) if kind in ("character", "chinese") else LONG
    return [*own[::29], "", long, "Zyzzyva said on Monday that xerxes rose.", " \t", own[3]]


KIND_OF = {"word": (False, False), "bpe": (True, False), "character": (False, True), "chinese": (True, True)}


def type_of(pipeline: Summarizer) -> tuple[bool, bool]:
    """(subword, Chinese)."""
    return pipeline.vocabulary.subword, "市" in "".join(pipeline.vocabulary.tokens)


@contextmanager
def changed(pipeline: Summarizer, **biases: float) -> Iterator[None]:
    """The generator with other biases: end, unk, slots (of the output layer) and write (against copying)."""
    generator, words = pipeline.model.generator, pipeline.vocabulary.words
    places = {"end": slice(2, 3), "unk": slice(3, 4), "slots": slice(words, None)}
    gate = generator.pointer.gate
    assert gate is not None
    before = generator.output_bias.detach().clone(), gate.bias.detach().clone()
    with torch.no_grad():
        for name, bias in biases.items():
            (gate.bias if name == "write" else generator.output_bias[places[name]]).fill_(bias)
    try:
        yield
    finally:
        with torch.no_grad():
            generator.output_bias.copy_(before[0])
            gate.bias.copy_(before[1])


def count(text: str, pipeline: Summarizer) -> int:
    """Words of a summary that was not detokenised, by a rule of this file: Chinese characters and what has spaces."""
    if not pipeline.vocabulary.subword:
        return len(text.split())
    return len(re.findall(r"[\u3000-\u9fff\uff00-\uff20]|[^\s\u3000-\u9fff\uff00-\uff20]+", text.replace("\ufffd", "")))


# ---------------------------------------------------------------------- shape of the answer
def test_one_text_gives_one_text_and_many_give_many(summarize: Summarizer) -> None:
    line = lines_for(summarize)[0]
    one = summarize(line, words=5)
    assert isinstance(one, str) and one
    assert summarize([line], words=5) == summarize(iter([line]), words=5) == [one]
    assert summarize([]) == []
    assert summarize(line) == summarize(line, words=8)


@pytest.mark.parametrize(
    "options",
    [{}, {"beam": 1}, {"ratio": 0.4, "num_candidates": 3, "no_repeat_ngram": 1}],
    ids=["beam", "greedy", "ratio"],
)
def test_alone_is_as_among_others(summarize: Summarizer, options: dict[str, object]) -> None:
    lines = lines_for(summarize)
    together = summarize.candidates(lines, **options)
    assert len(together) == len(lines) and len({c[0].text for c in together}) > 4
    texts = [[c.text for c in candidates] for candidates in together]
    alone = [summarize.candidates(line, **options) for line in lines]
    assert [[c.text for c in candidates] for candidates in alone] == texts
    for one, other in zip(itertools.chain(*alone), itertools.chain(*together), strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-9)
    best = [row[0] for row in texts]
    assert summarize(lines, batch_size=3, **options) == best
    assert list(summarize.stream(lines, window=3, **options)) == best
    assert summarize(lines[::-1], **options) == best[::-1]


def test_beam_of_one_is_greedy(summarize: Summarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_for(summarize)
    greedy = summarize.candidates(lines, beam=1, no_repeat_ngram=2)

    def beam_of_one(self: SummaryOptions, max_length: int) -> DecodingConfig:
        return DecodingConfig(strategy="beam", beam=1, max_length=max_length, min_length=0, no_repeat_ngram=2)

    assert SummaryOptions(beam=1).decoding(5).strategy == "greedy"
    monkeypatch.setattr(SummaryOptions, "decoding", beam_of_one)
    searched = summarize.candidates(lines)
    assert [c[0].text for c in searched] == [c[0].text for c in greedy]
    assert [c[0].log_prob for c in searched] == pytest.approx([c[0].log_prob for c in greedy], abs=1e-9)


def test_a_beam_finds_likelier_summaries(word: Summarizer) -> None:
    options = {"length_penalty": 0.0, "min_words": 1, "no_repeat_ngram": 0}
    greedy, beam = (word.candidates(DOCUMENTS[::7], beam=b, **options) for b in (1, 8))
    gains = [b[0].log_prob - g[0].log_prob for g, b in zip(greedy, beam, strict=True)]
    assert max(gains) > 0.1 and sum(g > -1e-9 for g in gains) > 0.7 * len(gains)


def test_the_document_matters(summarize: Summarizer) -> None:
    lines = [line for line in lines_for(summarize) if line.strip()]
    assert len(set(summarize(lines, words=6))) > len(lines) // 2


# ---------------------------------------------------------------------- length
@pytest.mark.parametrize(
    "options",
    [{"words": 1}, {"words": 8}, {"ratio": 0.1}, {"ratio": 1.0}],
    ids=str,
)
@pytest.mark.parametrize("end", [-30.0, 30.0], ids=["endless", "eager"])
def test_the_number_of_words_is_as_asked(summarize: Summarizer, options: dict[str, float], end: float) -> None:
    """A model that would never stop is stopped, one that would stop at once is not let."""
    lines, reader = [line for line in lines_for(summarize) if line.strip()], summarize.reader
    reached = 0
    with changed(summarize, end=end, write=30.0):
        found = summarize.candidates(lines, detokenise=False, num_candidates=2, **options)
    for line, candidates in zip(lines, found, strict=True):
        document = count(reader.prepare(line), summarize)
        most = min(document, options.get("words") or max(1, int(options["ratio"] * document + 1e-9)))
        for candidate in candidates:
            words = count(candidate.text, summarize)
            assert candidate.words == words <= most
            endless_word = end < 0 and summarize.vocabulary.subword
            if len(reader.read([line])[0].pieces) == 1 and not endless_word:
                assert words >= (most + 1) // 2, "ended too early"
            reached += words == most if end < 0 else words == (most + 1) // 2
    assert reached, "no limit was ever met"


def test_fewest_words(word: Summarizer) -> None:
    with changed(word, end=30.0, write=30.0):
        for least in (1, 3, 8):
            assert {c[0].words for c in word.candidates(SHORT[::11], min_words=least)} == {least}


def test_the_countdown_reaches_the_model(word: Summarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    step = word.model.generator.step

    def noted(tokens: torch.Tensor, state: Seq2SeqState) -> object:
        if (tokens == 1).all():
            assert state.remaining is not None
            asked.extend(state.remaining.tolist())
        return step(tokens, state)

    monkeypatch.setattr(word.model.generator, "step", noted)
    word(DOCUMENTS[0], words=6)
    word(DOCUMENTS[0], ratio=0.5)
    words = len(word.reader.prepare(DOCUMENTS[0]).split())
    assert asked == [6, words // 2]


def test_the_countdown_counts_tokens(summarizers: dict[str, Summarizer]) -> None:
    pipeline = summarizers["bpe-transformer"]
    (document,) = pipeline.reader.read(["Zyzzyva xerxes rose"])
    options = SummaryOptions(words=2)
    task = pipeline.task(document.pieces[0], options.length().of(3), options)
    assert len(document.pieces[0].ids) > 6
    assert task.countdown == -(-2 * len(document.pieces[0].ids) // 3) and task.most == 2


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_ngram_is_repeated(summarize: Summarizer, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[int]] = []
    decode = Summarizer.decode

    def noted(self: Summarizer, tasks: list[Task], options: SummaryOptions) -> object:
        found = decode(self, tasks, options)
        written.extend(summary.ids for summaries in found for summary in summaries)
        return found

    monkeypatch.setattr(Summarizer, "decode", noted)

    def repeats(no_repeat_ngram: int) -> int:
        written.clear()
        with changed(summarize, end=-5.0):
            summarize(lines_for(summarize), words=17, no_repeat_ngram=no_repeat_ngram)
        grams = [list(zip(*(ids[i:] for i in range(n)), strict=False)) for ids in written]
        assert grams
        return sum(len(g) - len(set(g)) for g in grams)

    assert repeats(n) == 0 < repeats(0)


# ---------------------------------------------------------------------- scores
@torch.no_grad()
def test_candidates_carry_the_models_own_scores(summarize: Summarizer) -> None:
    line = min((x for x in lines_for(summarize) if x.strip()), key=len)
    found = summarize.candidates(line, words=6, num_candidates=3, detokenise=False)
    assert len(found) == 3 and len({c.text for c in found}) > 1
    ranks = [c.log_prob_per_token for c in found]
    assert ranks == sorted(ranks, reverse=True), "length penalty 1: the ranking is by this"
    ((piece, *more),) = [d.pieces for d in summarize.reader.read([line])]
    assert not more
    options = SummaryOptions(words=6, num_candidates=3)
    task = summarize.task(piece, options.length().of(piece.words), options)
    generator = summarize.model.generator
    for candidate, summary in zip(found, summarize.decode([task], options)[0], strict=True):
        assert normalise(summarize.vocabulary.decode(summary.ids, piece.slots)) == candidate.text
        ids, labels = pad([piece.ids]), torch.tensor([[*summary.ids, 2]])
        inputs = torch.tensor([[1, *summary.ids]])
        written = generator.write(generator.read(ids, ids > 0), inputs, torch.tensor([task.countdown]))
        nll = generator.nll(written, labels)
        assert candidate.log_prob == pytest.approx(-float(nll.sum()), abs=1e-9)
        assert candidate.log_prob_per_token == pytest.approx(-float(nll.mean()), abs=1e-9)


def test_bf16_computes_nearly_the_same(summarizer_runs: dict[str, Path], word: Summarizer) -> None:
    low = Summarizer.from_pretrained(summarizer_runs["word-lstm"], device="cpu", precision="bf16")
    precise, rough = (p.candidates(DOCUMENTS[0], words=4, beam=1)[0] for p in (word, low))
    assert rough.log_prob != precise.log_prob
    assert rough.log_prob_per_token == pytest.approx(precise.log_prob_per_token, abs=0.3)


# ---------------------------------------------------------------------- rare words
WORDS = ["zyzzyva", "xerxes", "björk", "ümlaut", "q42", "wim", "zoe", "yolanda"]
RARE = [f"{a} said that {b} rose in ohio ." for a, b in itertools.pairwise(WORDS)]
COPY = {"words": 8, "min_words": 8, "no_repeat_ngram": 1}
"""A generator that only copies then writes every word of a document of eight."""


@pytest.mark.parametrize("biases", [{"write": -30.0}, {"slots": 30.0, "write": 30.0}], ids=["copying", "slots"])
def test_words_of_no_vocabulary_come_out_and_only_of_the_own_document(
    word: Summarizer, biases: dict[str, float]
) -> None:
    """A generator that copies everything, and one that likes slots best whether they stand for a word or not."""
    with changed(word, **biases):
        outputs = word([*RARE, "the fire broke out in ohio , again ."], **COPY)
    for document, output in zip(RARE, outputs, strict=False):
        assert set(output.split()) & set(WORDS) == set(document.split()) & set(WORDS)
        assert "<unk>" not in output and len(output.split()) == 8
        assert sorted(output.split()) == sorted(document.split()) or "slots" in biases
    assert not set(outputs[-1].split()) & set(WORDS)


def test_documents_that_differ_in_rare_words_alone_are_decoded_once(
    word: Summarizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    read = word.model.generator.read
    monkeypatch.setattr(word.model.generator, "read", lambda ids, mask: (rows.append(len(ids)), read(ids, mask))[1])
    with changed(word, write=-30.0):
        outputs = word(RARE[:1] * 5 + [RARE[3]] + RARE[:1], **COPY)
    assert sum(rows) == 1 and len(set(outputs)) == 2
    assert outputs[5] == outputs[0].replace("zyzzyva", WORDS[3]).replace("xerxes", WORDS[4]) != outputs[0]


@pytest.mark.parametrize("beam", [1, 3])
def test_a_document_is_read_once_for_all_of_its_lengths(
    summarize: Summarizer, beam: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each length's summaries are those of that length alone."""
    options = SummaryOptions(words=6, min_words=3, choose_length=True, beam=beam, batch_size=7)
    pieces = [document.pieces[0] for document in summarize.reader.read(lines_for(summarize)) if document.pieces]
    tasks = [task for piece in pieces for task in summarize.tasks(piece, Length(3, 6), options)]
    alone = [summarize.decode([task], options)[0] for task in tasks]
    rows = []
    read = summarize.model.generator.read
    monkeypatch.setattr(
        summarize.model.generator, "read", lambda ids, mask: (rows.append(len(ids)), read(ids, mask))[1]
    )
    together = summarize.decode(tasks, options)
    assert sum(rows) == len({task.ids for task in tasks}) < len(tasks)
    assert [[s.ids for s in found] for found in together] == [[s.ids for s in found] for found in alone]
    for one, other in zip(itertools.chain(*together), itertools.chain(*alone), strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-9)
    assert len({tuple(found[0].ids) for found in together}) > len(pieces), "lengths differ"


def test_more_rare_words_than_slots(word: Summarizer) -> None:
    line = " ".join([*WORDS, "said so ."])
    assert word.reader.read([line])[0].pieces[0].ids.count(3) == len(WORDS) - SLOTS + 1, "and `so`"
    with changed(word, write=-30.0):
        assert "<unk>" not in word(line, **COPY)
    with changed(word, write=30.0, unk=60.0):
        assert "<unk>" not in word(line) and "<unk>" in word(line, allow_unk=True)
        assert "<unk>" in word(f"<unk> {line}"), "as in the document"


def test_names_get_their_capitals_back(word: Summarizer) -> None:
    with changed(word, write=-30.0):
        output = word("on Monday Ann McCoy said Xerxes rose.", **COPY)
    words = re.findall(r"\w+", output)
    assert {"Monday", "Ann", "McCoy", "Xerxes"} <= set(words)
    assert words[0][0].isupper() and all(w in words[1:] or w.capitalize() == words[0] for w in ("on", "said", "rose"))


# ---------------------------------------------------------------------- long documents
def pieces_of(pipeline: Summarizer, line: str) -> list[str]:
    """Prepared strings of what the model reads of a document."""
    (document,) = pipeline.reader.read([line])
    return [pipeline.vocabulary.decode(p.ids, p.slots).strip() for p in document.pieces]


def test_a_long_document_is_the_summaries_of_the_sentences_that_matter(summarize: Summarizer) -> None:
    """Two of them, in their order, each as if it were alone."""
    line = summarize.reader.prepare(max(lines_for(summarize), key=len))
    parts = pieces_of(summarize, line)
    assert len(parts) > 2
    alone = [summarize(part, detokenise=False).split() for part in parts]
    pairs = [a + b for a, b in itertools.combinations(alone, 2)]
    assert summarize(line, sentences=2, detokenise=False).split() in pairs
    assert summarize(line, detokenise=False).split() in alone, "one, where nothing is said"


@pytest.mark.parametrize(
    "options", [{"words": 3}, {"ratio": 0.3}, {"words": 19, "sentences": 2}, {"chars": 40}], ids=str
)
def test_a_limit_holds_for_a_long_document(summarize: Summarizer, options: dict[str, float]) -> None:
    line = max(lines_for(summarize), key=len)
    found = summarize.candidates(line, **options, num_candidates=2, allow_unk=True)
    (document,) = summarize.reader.read([line])
    most = options.get("words") or document.words * options.get("ratio", 1.0)
    assert all(0 < candidate.words <= most for candidate in found if candidate.unchanged is None)
    if "chars" in options:
        assert all(len(c.text) <= 40 for c in found if c.unchanged is None)


def test_candidates_of_a_document_of_several_pieces(word: Summarizer) -> None:
    parts = pieces_of(word, f"{DOCUMENTS[3]} {DOCUMENTS[5]} {DOCUMENTS[70]}")
    assert len(parts) == 3
    found = word.candidates(" ".join(parts), sentences=3, num_candidates=4, detokenise=False)
    apart = [word.candidates(part, num_candidates=4, detokenise=False) for part in parts]
    texts = [
        " ".join(c.text for c in row)
        for n in (1, 2, 3)
        for kept in itertools.combinations(apart, n)
        for row in itertools.product(*kept)
    ]
    assert len({c.text for c in found}) == 4 and all(c.text in texts for c in found)
    ranks = [c.log_prob_per_token for c in found]
    assert ranks[0] > ranks[-1]


# ---------------------------------------------------------------------- raw and prepared text, other scripts
def test_empty_lines_stay_empty(summarize: Summarizer) -> None:
    assert summarize(["", "   ", "\t\r\n", "\x00"]) == ["", "", "", ""]
    assert [c.text for c in summarize.candidates("", num_candidates=3)] == [""]


def test_the_output_has_the_form_of_the_input(word: Summarizer) -> None:
    raw, prepared = "Two doctors said so, really!", "two doctors said so , really !"
    with changed(word, write=-30.0):
        out_raw, out_prepared = word([raw, prepared], **COPY)
        assert word([raw], detokenise=False, **COPY) == [out_prepared]
    assert sorted(out_prepared.split()) == sorted(prepared.split())
    assert out_raw == detokenise(out_prepared) != out_prepared


@pytest.mark.parametrize("name", ["character-gru", "chinese-lstm"])
def test_chinese_in_chinese_out(summarizers: dict[str, Summarizer], name: str) -> None:
    pipeline = summarizers[name]
    lines = LANGUAGES["chinese"][::7]
    outputs = pipeline(lines, words=6)
    assert all(0 < len(o) <= 6 and not re.search(r"\s", o) for o in outputs)
    assert len(set(outputs)) > len(lines) // 3
    apart = pipeline([spaced(line) for line in lines], words=6)
    if name.startswith("character"):
        assert apart == [spaced(o) for o in outputs], "the same characters, in the form they came"
    long = "".join(lines)
    assert 8 < len(pipeline(long, words=30)) <= 30 and 0 < len(pipeline(long, words=4)) <= 4


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_at_all(summarize: Summarizer, lines: list[str]) -> None:
    outputs = summarize(lines, words=5)
    assert len(outputs) == len(lines)
    for line, output in zip(lines, outputs, strict=True):
        assert not re.search(r"[\n\r\t]", output)
        assert not any(mark in output for mark in ("<pad>", "<s>", "</s>", "<mask>") if mark not in line)
        output.encode()


# ---------------------------------------------------------------------- streams
def test_a_stream_reads_no_further_than_its_window(word: Summarizer) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield DOCUMENTS[taken % len(DOCUMENTS)]

    stream = word.stream(endless(), window=4, words=3)
    for i in range(10):
        next(stream)
        assert i < taken <= 4 * (i // 4 + 1)


# ---------------------------------------------------------------------- mistakes
@pytest.mark.parametrize(
    "options",
    [
        {"words": 0},
        {"words": 5, "ratio": 0.3},
        {"ratio": 1.5},
        {"min_words": 9},
        {"beam": 0},
        {"beam": 2, "num_candidates": 3},
        {"num_candidates": 0},
        {"no_repeat_ngram": -1},
        {"batch_size": 0},
        {"detokenise": "sometimes"},
    ],
    ids=str,
)
def test_contradictory_options(word: Summarizer, options: dict[str, object]) -> None:
    for call in (word, word.candidates, lambda *a, **o: list(word.stream(*a, **o))):
        with pytest.raises(UserError):
            call([], **options)


def test_what_is_not_text(word: Summarizer) -> None:
    with pytest.raises(TypeError, match="bytes"):
        word([b"it was bad ."])  # type: ignore[list-item]


def test_each_command_wants_its_own_kind_of_model(summarizer_runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it summarizes .textvae summarize"):
        StyleTransfer.from_pretrained(summarizer_runs["word-lstm"], device="cpu")
    with pytest.raises(UserError, match="it transfers style .textvae transfer"):
        Summarizer.from_pretrained(make_run(tmp_path / "run"), device="cpu")


def test_slots_that_do_not_fit_the_tokenizer(summarizer_runs: dict[str, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(summarizer_runs["word-lstm"], tmp_path / "copy"))
    config = json.loads((copy / "best" / "config.json").read_text())
    (copy / "best" / "config.json").write_text(json.dumps({**config, "slots": SLOTS + 1}))
    with pytest.raises(UserError, match="do not belong"):
        Summarizer.from_pretrained(copy, device="cpu")


def test_a_model_folder_is_as_good_as_its_run(summarizer_runs: dict[str, Path], word: Summarizer) -> None:
    assert exact(summarizer_runs["word-lstm"] / "best")(DOCUMENTS[1]) == word(DOCUMENTS[1])


def test_the_length_can_be_left_to_the_model(summarize: Summarizer) -> None:
    lines = [line for line in lines_for(summarize) if len(summarize.reader.read([line])[0].pieces) == 1]
    line = max(lines, key=len)
    chosen = summarize.candidates(line, words=6, min_words=3, choose_length=True, num_candidates=2, beam=2)
    each = {c.text: c for n in range(3, 7) for c in summarize.candidates(line, words=n, min_words=3, beam=2)}
    assert chosen[0].log_prob_per_token == pytest.approx(max(c.log_prob_per_token for c in each.values()))
    assert len({c.text for c in chosen}) == len(chosen) == 2
    assert all(3 <= c.words <= 6 for c in chosen)
    ranks = [c.log_prob_per_token for c in chosen]
    assert ranks == sorted(ranks, reverse=True)


@torch.no_grad()
def test_the_model_may_end_where_it_likes(summarize: Summarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for line in lines_for(summarize) if len(summarize.reader.read([line])[0].pieces) == 1]
    options = {"words": 9, "min_words": 2, "beam": 1}
    with pytest.raises(UserError, match="length_dropout"):
        summarize(lines, free_length=True, **options)
    monkeypatch.setattr(summarize.model.generator.config, "length_dropout", 0.5)
    free = summarize.candidates(lines, free_length=True, **options)
    assert all(2 <= c[0].words <= 9 for c in free)
    told = summarize.candidates(lines, **options)
    assert [c[0].log_prob for c in free] != pytest.approx([c[0].log_prob for c in told])
    generator, settings = summarize.model.generator, summarize.options(free_length=True, **options)
    (piece,) = summarize.reader.read(lines)[0].pieces
    task = summarize.task(piece, Length(2, 9), settings)
    (summary,) = summarize.decode([task], settings)[0]
    ids = pad([piece.ids])
    written = generator.write(generator.read(ids, ids > 0), torch.tensor([[1, *summary.ids]]))
    nll = generator.nll(written, torch.tensor([[*summary.ids, 2]]))
    assert summary.score == pytest.approx(-float(nll.sum()), abs=1e-9), "as with no countdown at all"
    with pytest.raises(UserError, match="exclude"):
        summarize(lines, free_length=True, choose_length=True)


def test_what_is_stored_with_the_model_counts_where_nothing_is_said(word: Summarizer) -> None:
    word.model.config.decoding = {"words": 5, "min_words": 2, "choose_length": True, "beam": 1, "no_repeat_ngram": 1}
    try:
        assert word.options() == SummaryOptions(words=5, min_words=2, choose_length=True, beam=1, no_repeat_ngram=1)
        asked = {"limited": True, "no_repeat_ngram": 1}
        assert word.options(words=9, beam=None) == SummaryOptions(words=9, beam=1, **asked)
        assert word.options(ratio=0.5, beam=3) == SummaryOptions(ratio=0.5, beam=3, **asked)
        assert word.options(chars=50, num_candidates=4) == SummaryOptions(chars=50, num_candidates=4, beam=4, **asked)
        line = lines_for(word)[0]
        assert word(line, checked=False) == word(line, checked=False, **word.model.config.decoding)
    finally:
        word.model.config.decoding = {"checked": False}
