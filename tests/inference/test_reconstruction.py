"""Ranking by how well the reconstructor restores a document from its summary."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textvae.errors import UserError
from textvae.inference.reconstruction import reconstruction
from textvae.inference.summarization import Summarizer, Summary, SummaryOptions
from textvae.tokenization.config import SPECIAL

from .random_summarizer import DOCUMENTS, make_summarizer

PAIRS = [((7, 8, 9, 10), (8, 10)), ((6, 7), (7,)), ((11, 12, 13, 14, 15, 16), (12, 13, 14)), ((9, 9, 9), (9,))]
LENGTHS = {"words": 6, "min_words": 2, "choose_length": True}


@pytest.fixture(scope="module")
def summarizer(tmp_path_factory: pytest.TempPathFactory) -> Summarizer:
    torch.set_num_threads(1)
    run = make_summarizer(tmp_path_factory.mktemp("reconstruction") / "run")
    pipeline = Summarizer.from_pretrained(run, device="cpu", precision="fp32")
    pipeline.model.double()
    return pipeline


def test_each_pair_is_scored_as_alone_and_by_hand(summarizer: Summarizer) -> None:
    together = reconstruction(summarizer.model, PAIRS, batch_size=3)
    for pair, value in zip(PAIRS, together, strict=True):
        assert reconstruction(summarizer.model, [pair], 1)[0] == pytest.approx(value, rel=1e-9)
        document, summary = (torch.tensor([[*ids, SPECIAL.eos]]) for ids in pair)
        network = summarizer.model.reconstructor
        with torch.no_grad():
            state = network.start(network.read(summary, summary > 0), torch.tensor([len(pair[0])]))
            total, word = 0.0, torch.tensor([SPECIAL.bos])
            for following in document.T:
                log_probs, state = network.step(word, state)
                total, word = total + float(log_probs[0, following]), following
        assert value == pytest.approx(total / document.shape[1], rel=1e-6)


def test_without_a_weight_nothing_changes(summarizer: Summarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = summarizer(DOCUMENTS[:9], **LENGTHS)
    monkeypatch.setattr("textvae.inference.summarization.reconstruction", lambda *_: pytest.fail("asked"))
    assert summarizer(DOCUMENTS[:9], reconstruction=0.0, **LENGTHS) == expected


def test_a_great_weight_chooses_the_summary_that_tells_most(summarizer: Summarizer) -> None:
    changed = 0
    for document in DOCUMENTS[:12]:
        every = {summarizer(document, words=n, min_words=2, beam=1) for n in range(2, 7)}
        chosen = summarizer(document, reconstruction=1e6, beam=1, **LENGTHS)
        assert chosen in every
        read = summarizer.reader.read([document])[0].pieces[0]
        ids = {text: tuple(summarizer.reader.read([text])[0].pieces[0].ids) for text in every}
        if any(SPECIAL.unk in known or set(known) - set(read.ids) for known in ids.values()):
            continue  # slots of a summary alone are not those of its document
        told = dict(zip(ids, reconstruction(summarizer.model, [(read.ids, i) for i in ids.values()], 8), strict=True))
        assert told[chosen] == pytest.approx(max(told.values()))
        changed += chosen != summarizer(document, beam=1, **LENGTHS)
    assert changed, "the weight must matter somewhere"


def test_the_rank_adds_up() -> None:
    summary = Summary([7, 8], score=-6.0, length=3, reconstruction=-2.0)
    options = SummaryOptions(words=5, length_penalty=1.0, reconstruction=0.5)
    assert summary.rank(options) == pytest.approx(-6.0 / 3 - 1.0)


def test_candidates_are_in_the_order_of_their_ranks(summarizer: Summarizer) -> None:
    plain = summarizer.candidates(DOCUMENTS[0], num_candidates=4, beam=4, words=6)
    weighed = summarizer.candidates(DOCUMENTS[0], num_candidates=4, beam=4, words=6, reconstruction=1e6)
    assert {c.text for c in plain} == {c.text for c in weighed}
    by_hand = [c.log_prob_per_token for c in plain]
    assert by_hand == sorted(by_hand, reverse=True)


@pytest.mark.parametrize("wrong", [-0.1, float("inf"), float("nan")])
def test_impossible_weights_are_refused(wrong: float) -> None:
    for name in ("reconstruction", "phrases", "lead"):
        with pytest.raises(UserError, match=name):
            SummaryOptions(**{name: wrong})  # type: ignore[arg-type]


def test_the_command_knows_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from textvae.cli import main

    run, source = make_summarizer(tmp_path / "run"), tmp_path / "in.txt"
    source.write_text("\n".join(DOCUMENTS[:3]) + "\n")
    assert (
        main(
            [
                "summarize",
                str(run),
                str(source),
                "--words",
                "5",
                "--reconstruction",
                "0.3",
                "--phrases",
                "1",
                "--lead",
                "1",
            ]
        )
        == 0
    )
    assert len(capsys.readouterr().out.splitlines()) == 3
