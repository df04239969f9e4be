"""The pipeline on raw text: a random model of every kind of decoder and tokenizer, the laws of every line."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textvae.errors import UserError
from textvae.inference.style_transfer import (
    StyleTransfer,
    TransferOptions,
    Written,
    batches,
    combine,
)

from .random_run import LABELS, MAX_LENGTH, SENTENCES, make_run

KINDS = [("word", "gru"), ("word", "lstm"), ("bpe", "transformer"), ("unigram", "gru")]
LINES = [
    *SENTENCES[::193],
    "",
    "the staff is rude .",
    "good",
    "",
    "it was bad . my room is clean !",
    "zebra and yak",
]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    return {f"{t}-{d}": make_run(folder / f"{t}-{d}", t, d) for t, d in KINDS}


@pytest.fixture(scope="session")
def run(runs: dict[str, Path]) -> Path:
    return runs["word-gru"]


@pytest.fixture(scope="session")
def pipelines(runs: dict[str, Path]) -> dict[str, StyleTransfer]:
    return {name: exact(path) for name, path in runs.items()}


def exact(path: Path) -> StyleTransfer:
    """In float64: laws about equal sentences must not hang on the last bit."""
    pipeline = StyleTransfer.from_pretrained(path, device="cpu", precision="fp32")
    pipeline.model.double()
    ids = torch.tensor([[5, 2]])
    pipeline.model.style_head.to(pipeline.model.encode(ids, ids > 0).style.value.dtype)
    return pipeline


@pytest.fixture(params=[f"{t}-{d}" for t, d in KINDS])
def transfer(request: pytest.FixtureRequest, pipelines: dict[str, StyleTransfer]) -> StyleTransfer:
    return pipelines[request.param]


@pytest.fixture
def word(pipelines: dict[str, StyleTransfer]) -> StyleTransfer:
    return pipelines["word-lstm"]


# ---------------------------------------------------------------------- shape of the answer
def test_one_text_gives_one_text_and_many_give_many(transfer: StyleTransfer) -> None:
    one = transfer("the food was very good .", target="positive")
    assert isinstance(one, str) and one
    assert transfer(["the food was very good ."], target="positive") == [one]
    assert transfer(iter(["the food was very good ."]), target="positive") == [one]
    assert transfer([], target="positive") == []


@pytest.mark.parametrize("options", [{}, {"beam": 3}, {"sample": True, "seed": 4}], ids=["greedy", "beam", "sample"])
def test_alone_is_as_among_others(transfer: StyleTransfer, options: dict[str, object]) -> None:
    lines = LINES * 3
    together = transfer(lines, target="positive", **options)
    assert len(together) == len(lines)
    assert transfer(lines, target="positive", batch_size=3, **options) == together
    assert list(transfer.stream(lines, "positive", window=4, **options)) == together
    if "sample" not in options:
        assert [transfer(line, target="positive", **options) for line in lines] == together
        assert transfer(lines[::-1], target="positive", **options) == together[::-1]


def test_the_input_and_the_target_matter(word: StyleTransfer) -> None:
    assert len(set(word(SENTENCES[::37], target="positive"))) > 5
    outputs = [word(SENTENCES[::37], target=label) for label in LABELS]
    assert outputs[0] != outputs[1] != outputs[2]


def test_strength_0_forgets_the_target_and_1_does_not(word: StyleTransfer) -> None:
    lines = SENTENCES[::37]
    assert word(lines, "positive", strength=0.0) == word(lines, "negative", strength=0.0)
    assert word(lines, "positive") != word(lines, "positive", strength=4.0)


def test_samples_differ_between_equal_lines_and_repeat_with_the_seed(word: StyleTransfer) -> None:
    lines = ["the staff is rude ."] * 20
    once = word(lines, "positive", sample=True, temperature=1.5)
    assert once == word(lines, "positive", sample=True, temperature=1.5)
    assert once != word(lines, "positive", sample=True, temperature=1.5, seed=1)
    assert len(set(once)) > 3


# ---------------------------------------------------------------------- raw and prepared text
def test_empty_lines_stay_empty(transfer: StyleTransfer) -> None:
    assert transfer(["", "   ", "\t\r\n", "\x00"], target="positive") == ["", "", "", ""]


def test_the_output_has_the_form_of_the_input(word: StyleTransfer) -> None:
    raw, prepared = (
        "It was bad, really. My room is NOT clean!",
        "it was bad , really . my room is not clean !",
    )
    assert word.reader.read([raw])[0].pieces == word.reader.read([prepared])[0].pieces
    out_raw, out_prepared = word([raw, prepared], "positive")
    from textvae.text import detokenise

    assert out_raw == detokenise(out_prepared, truecase=True) != out_prepared
    assert word([raw, prepared], "positive", detokenise=False) == [out_prepared] * 2
    assert word([raw, prepared], "positive", detokenise=True) == [
        out_raw,
        detokenise(out_prepared, truecase=False),
    ]


def test_a_line_without_capitals_gets_none(word: StyleTransfer) -> None:
    outputs = word([s.replace(" .", ".").replace(" !", "!") for s in SENTENCES[::41]], "positive")
    assert outputs == [o.lower() for o in outputs]


def test_names_keep_their_capitals(word: StyleTransfer) -> None:
    (line,) = word.reader.read(["At Mario's the soup of NATO was cold."])
    assert word.reader.write(["the soup of mario and nato was hot ."], line, "auto") == (
        "The soup of Mario and NATO was hot."
    )


def test_a_cased_model_keeps_case(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run", text={"lowercase": False, "tokenise": True})
    cased = StyleTransfer.from_pretrained(path, device="cpu")
    assert cased.reader.read(["The food"])[0].pieces != cased.reader.read(["the food"])[0].pieces


def test_sentences_are_transferred_one_by_one_and_rejoined(transfer: StyleTransfer) -> None:
    parts = ["the food was very good .", "my room is so dirty !", "it looks not rude ."]
    separate = transfer(parts, target="positive")
    assert transfer(" ".join(parts), target="positive") == " ".join(s for s in separate if s)


def test_an_ellipsis_and_a_row_of_marks_do_not_cut(word: StyleTransfer) -> None:
    for line in ("it was bad ... not good .", "it was bad ! ! !", "it was so bad ... ... !"):
        assert len(word.reader.read([line])[0].pieces) == 1


@given(
    st.lists(
        st.sampled_from([*"abcdxyz", "food", "was", ",", "and", "but", "-", "x" * 300, "ünï"]),
        min_size=1,
        max_size=90,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_of_a_long_sentence_is_lost(transfer: StyleTransfer, words: list[str]) -> None:
    line = " ".join(words)
    read = transfer.reader.read([line])[0]
    assert all(0 < len(p.ids) <= MAX_LENGTH for p in read.pieces)
    assert read.pieces[-1].ends and not any(p.ends for p in read.pieces[:-1])
    joined = [i for p in read.pieces for i in p.ids]
    assert joined == [i for ids in transfer.reader.encode(line.split()) for i in ids]


def test_a_long_sentence_is_cut_at_its_clauses(word: StyleTransfer) -> None:
    line = "the food was very good and cheap , but the staff was really rude and my room is dirty ."
    pieces = word.reader.read([line])[0].pieces
    texts = word.reader.decode([p.ids for p in pieces])
    assert texts == [
        "the food was very good and cheap ,",
        "but the staff was really rude and my room is dirty .",
    ]
    output = word(line, "positive")
    assert output == " ".join(
        (o if i == 1 else o.removesuffix(" .")) for i, o in enumerate(word(texts, "positive")) if o
    )


def test_words_never_seen(word: StyleTransfer) -> None:
    line = "the zyzzyva was quixotic ."
    assert word.ids.unk in word.reader.read([line])[0].pieces[0].ids
    with torch.no_grad():
        word.model.output.linear.bias[word.ids.unk] += 60.0
    try:
        assert "<unk>" not in word(line, "positive")
        assert "<unk>" in word(line, "positive", allow_unk=True)
    finally:
        with torch.no_grad():
            word.model.output.linear.bias[word.ids.unk] -= 60.0


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_at_all(transfer: StyleTransfer, lines: list[str]) -> None:
    outputs = transfer(lines, target="negative")
    assert len(outputs) == len(lines)
    for output in outputs:
        assert "\n" not in output and "\r" not in output and "\t" not in output
        assert not any(mark in output for mark in ("<pad>", "<s>", "</s>", "<unk>", "<mask>"))
        output.encode()


# ------------------------------------------------------------------------------------------------ candidates
def test_candidates_carry_the_models_own_scores(transfer: StyleTransfer) -> None:
    line = "the staff is rude ."
    options = {"num_candidates": 4, "beam": 6, "contract": False}
    found = transfer.candidates(line, "mixed", **options)
    assert len(found) == 4 and transfer(line, "mixed", **options) == found[0].text
    ranks = [c.log_prob_per_token for c in found]  # length penalty 1: the ranking is by this
    assert ranks == sorted(ranks, reverse=True)

    model, piece = transfer.model, transfer.reader.read([line])[0].pieces[0]
    ids = transfer.pad([piece.ids])
    with torch.no_grad():
        memory = model.memory(model.style_vector(2)[None], model.encode(ids, ids > 0).content.value)
        config = TransferOptions("mixed", **options).decoding(MAX_LENGTH)
        from textvae.inference.decoding import decode

        decoded = decode(model.decoder, model.output, model.embedding, memory, config)
        for place, candidate in enumerate(found):
            tokens = decoded.tokens[:, place, : decoded.lengths[0, place]]
            inputs = torch.cat((tokens.new_ones(1, 1), tokens[:, :-1]), dim=1)
            hidden = model.decoder(memory, model.embedding(inputs))
            nll = model.output.nll(hidden[0], tokens[0])
            assert candidate.log_prob == pytest.approx(-float(nll.sum()), abs=1e-5)
            assert candidate.log_prob_per_token == pytest.approx(-float(nll.mean()), abs=1e-5)
            style = model.style_head(model.encode(tokens, tokens > 0).style.value)[0].softmax(-1)[0, 2]
            assert candidate.style_probability == pytest.approx(float(style), abs=1e-5)


def test_candidates_of_a_line_of_several_sentences(word: StyleTransfer) -> None:
    first, second = "the food was very good .", "my room is so dirty !"
    line = word.candidates(f"{first} {second}", "positive", num_candidates=5)
    apart = [word.candidates(s, "positive", num_candidates=5) for s in (first, second)]
    pairs = sorted(itertools.product(*apart), key=lambda p: -sum(c.log_prob_per_token for c in p))
    assert [c.text for c in line] == [f"{a.text} {b.text}" for a, b in pairs[:5]]
    assert [c.log_prob for c in line] == pytest.approx([a.log_prob + b.log_prob for a, b in pairs[:5]], abs=1e-5)


def test_candidates_of_an_empty_line(word: StyleTransfer) -> None:
    found = word.candidates(["", "it is good ."], "positive", num_candidates=2)
    assert [c.text for c in found[0]] == [""] and len(found[1]) == 2


def test_samples_as_candidates(word: StyleTransfer) -> None:
    found = word.candidates("it was bad .", "positive", sample=True, num_candidates=6, temperature=1.5)
    assert len(found) == 6 and len({c.text for c in found}) > 1
    ranks = [c.log_prob_per_token for c in found]
    assert ranks == sorted(ranks, reverse=True)


@given(
    st.lists(
        st.lists(st.tuples(st.floats(-30, 0), st.integers(1, 9)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_combine_is_the_best_of_the_product(pieces: list[list[tuple[float, int]]], count: int) -> None:
    written = [[Written(f"{i}{j}", s, n, None) for j, (s, n) in enumerate(p)] for i, p in enumerate(pieces)]
    value = {id(w): w.score / w.length**0.5 for p in written for w in p}
    expected = sorted((sum(value[id(w)] for w in row) for row in itertools.product(*written)), reverse=True)[:count]
    found = combine(written, count, 0.5)
    assert [sum(value[id(w)] for w in row) for row in found] == pytest.approx(expected)
    assert all(len(row) == len(pieces) for row in found)


def test_bf16_computes_nearly_the_same(run: Path, pipelines: dict[str, StyleTransfer]) -> None:
    low = StyleTransfer.from_pretrained(run, device="cpu", precision="bf16")
    exact = pipelines["word-gru"].candidates("it was bad .", "positive")[0]
    rough = low.candidates("it was bad .", "positive")[0]
    assert rough.log_prob != exact.log_prob
    assert rough.log_prob_per_token == pytest.approx(exact.log_prob_per_token, abs=0.3)


# ------------------------------------------------------------------------------------------------ streams
def test_a_stream_reads_no_further_than_its_window(word: StyleTransfer) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield SENTENCES[taken % len(SENTENCES)]

    stream = word.stream(endless(), "positive", window=8)
    for i in range(20):
        next(stream)
        assert i < taken <= 8 * (i // 8 + 1)


def test_equal_pieces_are_decoded_once(word: StyleTransfer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    encode = word.model.encode
    monkeypatch.setattr(word.model, "encode", lambda ids, mask: (rows.append(len(ids)), encode(ids, mask))[1])
    word(["good", "it was bad . good", "good"] * 50, "positive")
    assert sum(rows) == 2


@given(st.lists(st.integers(1, 6), max_size=60), st.integers(1, 9))
def test_batches_cover_everything_once(lengths: list[int], size: int) -> None:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    cut = [list(b) for b in batches(order, lengths, size)]
    assert [i for b in cut for i in b] == order
    assert all(0 < len(b) <= size for b in cut)
    for before, after in itertools.pairwise(cut):
        assert 2 * len(before) >= size, "a small batch only at the end"
        assert len(before) == size or lengths[before[-1]] != lengths[after[0]]


# ------------------------------------------------------------------------------------------------ mistakes
def test_unknown_words_come_back_where_all_of_them_are_kept(word: StyleTransfer) -> None:
    reader = word.reader
    (line,) = reader.read(["the zorkan food is very qlimbor ."])
    assert [piece.unknown for piece in line.pieces] == [("zorkan", "qlimbor")]
    assert reader.write(["my <unk> staff is <unk> ."], line, False) == "my zorkan staff is qlimbor ."
    assert reader.write(["my staff is <unk> ."], line, False) == "my staff is <unk> ."
    long = " ".join(["the zorkan food is good"] * 8 + ["the qlimbor is good ."])
    (cut,) = reader.read([long])
    assert len(cut.pieces) > 1
    assert [w for piece in cut.pieces for w in piece.unknown] == ["zorkan"] * 8 + ["qlimbor"]
    texts = reader.decode([piece.ids for piece in cut.pieces])
    assert reader.write(texts, cut, False).split() == long.split()


def test_an_unknown_label_names_the_known_ones(word: StyleTransfer) -> None:
    for call in (
        lambda: word("it was bad .", target="happy"),
        lambda: word.candidates("it was bad .", target="happy"),
        lambda: word([], target="happy"),
    ):
        with pytest.raises(UserError, match="negative, positive, mixed"):
            call()


@pytest.mark.parametrize(
    "options",
    [
        {"strength": float("nan")},
        {"beam": 0},
        {"beam": 2, "num_candidates": 3},
        {"num_candidates": 0},
        {"sample": True, "beam": 3},
        {"temperature": 0.5},
        {"top_p": 0.9},
        {"batch_size": 0},
        {"detokenise": "sometimes"},
        {"sample": True, "temperature": 0.0},
        {"min_length": MAX_LENGTH + 1},
    ],
    ids=str,
)
def test_contradictory_options(word: StyleTransfer, options: dict[str, object]) -> None:
    with pytest.raises(UserError):
        word("it was bad .", target="positive", **options)


def test_what_is_not_text(word: StyleTransfer) -> None:
    with pytest.raises(TypeError, match="bytes"):
        word([b"it was bad ."], target="positive")  # type: ignore[list-item]


def test_a_model_folder_is_as_good_as_its_run(run: Path, pipelines: dict[str, StyleTransfer]) -> None:
    inner = exact(run / "best")
    assert inner("it was bad .", "positive") == pipelines["word-gru"]("it was bad .", "positive")


def broken(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "copy"))


def test_folders_that_are_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        StyleTransfer.from_pretrained(tmp_path / "nothing")
    with pytest.raises(UserError, match="no trained model"):
        StyleTransfer.from_pretrained(tmp_path)
    copy = broken(run, tmp_path)
    shutil.rmtree(copy / "tokenizer")
    with pytest.raises(UserError, match="tokenizer"):
        StyleTransfer.from_pretrained(copy)


def test_damaged_files(run: Path, tmp_path: Path) -> None:
    copy = broken(run, tmp_path)
    weights = copy / "best" / "model.safetensors"
    whole = weights.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", b"\x00" * 100):
        weights.write_bytes(damage)
        with pytest.raises(UserError, match="damaged"):
            StyleTransfer.from_pretrained(copy)
    weights.write_bytes(whole)
    for name in ("best/config.json", "tokenizer/tokenizer.json"):
        text = (copy / name).read_text()
        (copy / name).write_text(text[:100])
        with pytest.raises(UserError, match=name.split("/")[1]):
            StyleTransfer.from_pretrained(copy)
        (copy / name).write_text(text)
    (copy / "config.yaml").write_text("text: {colour: red}")
    with pytest.raises(UserError, match="text"):
        StyleTransfer.from_pretrained(copy)


def test_weights_that_do_not_fit(run: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    copy = broken(run, tmp_path)
    shutil.rmtree(copy / "tokenizer")
    shutil.copytree(runs["bpe-transformer"] / "tokenizer", copy / "tokenizer")
    with pytest.raises(UserError, match="do not belong"):
        StyleTransfer.from_pretrained(copy)
    shutil.copy(runs["word-lstm"] / "best" / "model.safetensors", copy / "best")
    with pytest.raises(UserError, match="best"):
        StyleTransfer.from_pretrained(copy)


def test_weights_that_are_not_finite(run: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = broken(run, tmp_path)
    tensors = load_file(copy / "best" / "model.safetensors")
    tensors["output.linear.bias"][3] = float("nan")
    save_file(tensors, copy / "best" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="NaN"):
        StyleTransfer.from_pretrained(copy)


def test_nothing_of_a_checkpoint_is_executed(run: Path, tmp_path: Path) -> None:
    copy, best = broken(run, tmp_path), tmp_path / "copy" / "best"
    trap = f"open({str(tmp_path / 'executed')!r}, 'w').close()\n"
    (best / "modeling_trap.py").write_text(trap + "class Trap: pass\n")
    config = json.loads((best / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_trap.Trap", "AutoConfig": "modeling_trap.Trap"}
    (best / "config.json").write_text(json.dumps(config))
    StyleTransfer.from_pretrained(copy, device="cpu")

    (best / "model.safetensors").unlink()
    torch.save({}, best / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickle"):
        StyleTransfer.from_pretrained(copy)

    (best / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
    with pytest.raises(UserError, match="bert"):
        StyleTransfer.from_pretrained(copy)
    assert not (tmp_path / "executed").exists()
