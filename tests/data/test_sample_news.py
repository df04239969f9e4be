"""The toy news: unpaired by construction, summaries spread over their documents, names new to test."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import cast

import pytest
from make_news import (
    TABLES,
    WRITERS,
    Document,
    Level,
    News,
    held_out,
    make_news,
    news_files,
    write_documents,
    write_news,
)

from tests.support import ROOT
from textvae.text import prepare

FOLDER = ROOT / "data" / "sample-news"


@pytest.fixture(scope="module")
def bundled() -> News:
    return make_news()


@pytest.fixture(scope="module", params=sorted(WRITERS))
def news(request: pytest.FixtureRequest) -> News:
    """What holds at every level."""
    return make_news(level=cast(Level, request.param))


def everything(news: News) -> list[Document]:
    return [*news.dev, *news.test]


def is_subsequence(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in part)


def f1(found: list[str], wanted: list[str]) -> float:
    """F1 of two bags of words, ROUGE-1 without stemming."""
    common = sum(min(found.count(w), wanted.count(w)) for w in set(found))
    return 2 * common / (len(found) + len(wanted))


def test_the_bundled_files_are_what_the_generator_writes(bundled: News) -> None:
    files = news_files(bundled)
    assert {path.name for path in FOLDER.iterdir()} == set(files)
    for name, content in files.items():
        assert (FOLDER / name).read_bytes() == content, f"{name}: run scripts/samples/make_news.py"
    assert sum(map(len, files.values())) < 450_000


def test_another_process_writes_the_same(tmp_path: Path, bundled: News) -> None:
    command = [sys.executable, "scripts/samples/make_news.py", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONHASHSEED": "7", "PATH": "", "PYTHONPATH": str(ROOT)})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == news_files(bundled)


def test_another_seed_tells_other_news(tmp_path: Path) -> None:
    one, two = make_news(1, 20, 20, 5, 5), make_news(2, 20, 20, 5, 5)
    assert not set(one.documents) & set(two.documents)
    assert write_news(tmp_path / "a") and len(list((tmp_path / "a").iterdir())) == 4


def test_the_training_sides_are_unpaired(news: News) -> None:
    """No summary for training tells the event of a document, for training or not."""
    summaries = [s.split() for s in news.summaries]
    documents = [d.split() for d in news.documents]
    by_word: dict[str, list[int]] = {}
    for i, document in enumerate(documents):
        for word in set(document):
            by_word.setdefault(word, []).append(i)
    for summary in summaries:
        rarest = min(summary, key=lambda w: len(by_word.get(w, [])))
        for i in by_word.get(rarest, []):
            assert not is_subsequence(summary, documents[i])
    assert not set(news.summaries) & {d.summary for d in everything(news)}


def test_a_summary_is_its_documents_words_in_order_and_tells_the_event(news: News) -> None:
    for document in everything(news):
        assert is_subsequence(document.summary.split(), document.text.split())
        event = document.event
        who = event.who if f"the {event.who}" not in document.text else f"the {event.who}"
        place = f" in {event.place}" if event.place else ""
        assert document.summary == f"{who} {event.verb} the {event.what}{place} ."


def test_the_background_is_told_in_the_pluperfect_and_the_event_is_not(news: News) -> None:
    for document in everything(news):
        words = document.text.split()
        assert f"had {document.background.verb} the {document.background.what}" in document.text
        assert words.count("had") == 1 + ("although nobody had asked" in document.text)
        assert "had" not in document.summary.split()


def test_both_events_are_of_one_topic(news: News) -> None:
    """Neither the words of the event nor its topic tell which of the two is the news."""
    for document in everything(news)[:100]:
        fitting = [t for t in TABLES["topics"].values() if document.event.what in t["whats"]]
        assert any(document.background.what in t["whats"] and document.background.verb in t["verbs"] for t in fitting)


def test_the_first_words_are_a_bad_summary(news: News) -> None:
    for k in range(4, 30):
        found = mean(f1(d.text.split()[:k], d.summary.split()) for d in news.test)
        assert found < 0.4, k
    assert mean(f1(d.text.split(), d.summary.split()) for d in news.test) < 0.37
    begins = mean(d.text.split().index(d.event.verb) / len(d.text.split()) for d in news.test)
    assert 0.25 < begins < 0.75


def test_no_beginning_and_no_clause_is_a_true_summary(news: News) -> None:
    for document in everything(news):
        words, wanted = document.text.split(), document.summary.split()[:-1]
        assert words[: len(wanted)] != wanted
        assert document.summary.removesuffix(" .") not in document.text.removesuffix(" .")


def test_at_the_harder_level_much_is_left_out_where_no_comma_tells(bundled: News) -> None:
    """Between the words of the summary, in the text without its clauses between commas."""

    def woven(document: Document) -> bool:
        event = document.event
        return f" , {event.verb} the {event.what}" not in document.text

    harder = make_news(level="woven")
    assert mean(map(woven, everything(bundled))) == 0.0 and mean(map(woven, everything(harder))) == 1.0


def test_the_harder_level_is_what_the_sample_was() -> None:
    """Recorded results are of its first version."""
    written = b"".join(content for _, content in sorted(news_files(make_news(level="woven")).items()))
    assert hashlib.sha256(written).hexdigest() == "56896bdbc76007d24ab550087f928a28cbe040c1c2a417e1fe6a45a5783ff4ae"


def test_the_script_writes_the_level_that_is_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "scripts/samples/make_news.py", str(tmp_path), "--level", "woven", "--seed", "3"]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == news_files(make_news(3, level="woven"))


def test_the_first_event_is_as_often_the_wrong_one(news: News) -> None:
    first = [d.text.index(f"had {d.background.verb}") < d.text.index(d.event.who) for d in news.test]
    assert 0.2 < mean(first) < 0.5


def test_names_of_test_are_new_and_must_be_copied(news: News) -> None:
    known = {word for text in (*news.documents, *news.summaries) for word in text.split()}
    unseen = [[w for w in d.summary.split() if w not in known] for d in everything(news)]
    assert mean(map(bool, unseen)) > 0.99, "but for a name that happens to be a word, as storm"
    assert all(held_out(word) for words in unseen for word in words)
    others = {w for d in everything(news) for w in d.text.split()} - known
    assert all(held_out(word) for word in others), "a word of the grammar that train never shows"


def test_nothing_but_names_is_rare(news: News) -> None:
    """A small model can learn every other word."""
    words = [w for text in (*news.documents, *news.summaries) for w in text.split()]
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    grammar = {w for d in everything(news) for w in d.text.split() if not held_out(w)} & set(counts)
    frequent = {w for w, count in counts.items() if count >= 3}
    assert len(frequent) < 800
    assert mean(w in frequent for w in grammar) > 0.9


def test_texts_are_prepared_already(news: News) -> None:
    for text in (*news.documents[:200], *news.summaries[:200]):
        assert prepare(text) == text


def test_files_are_json_and_plain_lines() -> None:
    rows = [json.loads(line) for line in (FOLDER / "dev.jsonl").read_text().splitlines()]
    assert len(rows) == 100 and all(sorted(row) == ["document", "summary"] for row in rows)
    assert len((FOLDER / "documents.train.txt").read_text().splitlines()) == 1000


def test_documents_never_end() -> None:
    drawn = list(islice(write_documents(random.Random(3)), 50))
    assert len({d.text for d in drawn}) == 50 and all(d.text.endswith(" .") for d in drawn)
