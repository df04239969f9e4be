"""Every format gives the same sides; parts share no document; what is held out stays out; the cache is whole."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.data.unpaired.files import DOCUMENTS, PAIRS, TEXTS, WRITERS, column, load, settings, write_jsonl, write_text
from textvae.data.unpaired import staging
from textvae.data.unpaired.config import PairsConfig, SideConfig, UnpairedDataConfig
from textvae.data.unpaired.report import UnpairedReport
from textvae.data.unpaired.sources import UnpairedCorpus
from textvae.errors import UserError
from textvae.text import TextConfig, prepare

TOLD = [prepare(row["body"]) for row in DOCUMENTS]
SHORT = [row["title"] for row in TEXTS]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def everything(corpus: UnpairedCorpus) -> dict[str, list[str]]:
    return {
        "documents": sorted(column(corpus.documents) + column(corpus.dev_documents)),
        "texts": sorted(column(corpus.texts) + column(corpus.dev_texts)),
    }


# ---- what each format yields


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_formats_agree(kind: str, tmp_path: Path, cache: Path) -> None:
    name, ending, write = WRITERS[kind]
    write(tmp_path / f"docs{ending}", DOCUMENTS, "body")
    write(tmp_path / f"titles{ending}", TEXTS, "title")
    identity = None if kind == "text" else "id"
    sides = {
        "documents": SideConfig(path=str(tmp_path / f"docs{ending}"), format=name, column="body", id_column=identity),
        "texts": SideConfig(path=str(tmp_path / f"titles{ending}"), format=name, column="title", id_column=identity),
    }
    corpus = load(UnpairedDataConfig(**sides, dev_fraction=0.1), cache)  # type: ignore[arg-type]
    assert everything(corpus) == {"documents": sorted(TOLD), "texts": sorted(SHORT)}
    assert corpus.documents.column_names == ["text", "id"] and corpus.dev is corpus.test is None
    ids = {**dict(zip(TOLD, (str(r["id"]) for r in DOCUMENTS), strict=True))}
    for row in corpus.documents:
        assert row["id"] == ("" if kind == "text" else ids[row["text"]])


@pytest.mark.parametrize("kind", sorted(set(WRITERS) - {"text"}))
def test_pairs_of_every_format_are_whole_and_in_order(kind: str, tmp_path: Path, cache: Path) -> None:
    name, ending, write = WRITERS[kind]
    write(tmp_path / f"pairs{ending}", PAIRS, "")
    pairs = PairsConfig(path=str(tmp_path / f"pairs{ending}"), format=name, id_column="id")
    corpus = load(settings(tmp_path, dev=None, test=pairs), cache)
    assert corpus.dev is None and corpus.test is not None
    assert column(corpus.test, "document_raw") == [row["document"] for row in PAIRS]
    assert column(corpus.test, "document") == [prepare(row["document"]) for row in PAIRS]
    assert column(corpus.test, "summary") == [row["summary"] for row in PAIRS]
    assert column(corpus.test, "id") == [str(row["id"]) for row in PAIRS]


def test_several_files_by_a_pattern(tmp_path: Path, cache: Path) -> None:
    write_jsonl(tmp_path / "part-1.jsonl", DOCUMENTS[:6])
    write_jsonl(tmp_path / "part-0.jsonl", DOCUMENTS[6:])
    documents = SideConfig(path=str(tmp_path / "part-*.jsonl"), column="body")
    assert everything(load(settings(tmp_path, documents=documents), cache))["documents"] == sorted(TOLD)


@pytest.mark.parametrize(("paragraphs", "expected"), [("first", "b c"), ("all", "b c d e")])
def test_of_a_list_the_first_paragraph_or_all(paragraphs: Any, expected: str, tmp_path: Path, cache: Path) -> None:
    bodies = [["", " ", "b c", "", "d e"], [], ["x y"], "z z"]
    write_jsonl(tmp_path / "documents.jsonl", [{"body": body} for body in bodies])
    documents = SideConfig(path=str(tmp_path / "documents.jsonl"), column="body", paragraphs=paragraphs)
    corpus = load(settings(tmp_path, documents=documents), cache)
    assert everything(corpus)["documents"] == sorted([expected, "x y", "z z"])
    assert corpus.report.count("empty", "documents") == 1


def test_text_is_prepared_as_asked(tmp_path: Path, cache: Path) -> None:
    corpus = load(settings(tmp_path), cache, TextConfig(lowercase=False))
    assert everything(corpus)["documents"] == sorted(prepare(r["body"], TextConfig(lowercase=False)) for r in DOCUMENTS)


# ---- lengths


def test_short_and_long_texts_are_left_out_and_counted(tmp_path: Path, cache: Path) -> None:
    texts = ["one", "one two", "one two three", "a b c d", "a b c d e"]
    write_text(tmp_path / "texts.txt", [{"t": t} for t in texts], "t")
    side = SideConfig(path=str(tmp_path / "texts.txt"), min_tokens=2, max_tokens=4)
    corpus = load(settings(tmp_path, texts=side), cache)
    assert everything(corpus)["texts"] == sorted(texts[1:4])
    assert corpus.report.count("short_dropped") == corpus.report.count("over_long_dropped") == 1
    assert "texts: 1 of fewer words than min_tokens left out (first: texts.txt:1)" in str(corpus.report)


def test_long_documents_stay_whole_and_are_counted(tmp_path: Path, cache: Path) -> None:
    side = SideConfig(path=str(tmp_path / "documents.jsonl"), column="body", max_tokens=5)
    corpus = load(settings(tmp_path, documents=side), cache)
    assert everything(corpus)["documents"] == sorted(TOLD)
    assert corpus.report.count("over_long_cut", "documents") == len(DOCUMENTS)


def test_a_character_counts_where_there_are_no_spaces(tmp_path: Path, cache: Path) -> None:
    write_text(tmp_path / "texts.txt", [{"t": t} for t in ("北京下雨", "雨", "上海明天下雨", "北京晴天")], "t")
    side = SideConfig(path=str(tmp_path / "texts.txt"), min_tokens=2, max_tokens=5)
    corpus = load(settings(tmp_path, texts=side), cache)
    assert everything(corpus)["texts"] == sorted(["北京下雨", "北京晴天"])
    assert staging.count_words("北京 rain 下雨") == 5


# ---- parts: one file for both sides


def parts(tmp_path: Path, identity: str | None) -> dict[str, SideConfig]:
    path = str(tmp_path / "documents.jsonl")
    return {
        "documents": SideConfig(path=path, column="body", part="1/2", id_column=identity),
        "texts": SideConfig(path=path, column="title", part="2/2", id_column=identity),
    }


@pytest.mark.parametrize("identity", [None, "id"])
def test_one_file_serves_both_sides_without_sharing_a_document(
    identity: str | None, tmp_path: Path, cache: Path
) -> None:
    found = everything(load(settings(tmp_path, **parts(tmp_path, identity)), cache))
    rows = {prepare(row["body"]): row["title"] for row in DOCUMENTS}
    assert len(found["documents"]) + len(found["texts"]) == len(DOCUMENTS) and all(found.values())
    assert not {rows[d] for d in found["documents"]} & set(found["texts"])


def test_a_part_by_id_does_not_depend_on_the_order(tmp_path: Path, cache: Path) -> None:
    first = everything(load(settings(tmp_path, **parts(tmp_path, "id")), cache))
    write_jsonl(tmp_path / "documents.jsonl", DOCUMENTS[::-1])
    assert everything(load(settings(tmp_path, **parts(tmp_path, "id")), cache)) == first


def test_parts_cover_everything_once(tmp_path: Path, cache: Path) -> None:
    found: list[str] = []
    for part in ("1/3", "2/3", "3/3"):
        side = SideConfig(path=str(tmp_path / "documents.jsonl"), column="body", part=part)
        found += everything(load(settings(tmp_path, documents=side), cache))["documents"]
    assert sorted(found) == sorted(TOLD)


# ---- held out


def test_what_is_held_out_is_nowhere_else_and_always_the_same(tmp_path: Path, cache: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, *TEXTS])
    corpus = load(settings(tmp_path, dev_fraction=0.25), cache)
    assert not set(column(corpus.texts)) & set(column(corpus.dev_texts))
    assert len(column(corpus.dev_texts)) == 0.25 * 2 * len(TEXTS)
    assert corpus.report.count("held_out_dropped") == len(column(corpus.dev_texts))
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS[::-1], *TEXTS])
    again = load(settings(tmp_path, dev_fraction=0.25), cache)
    assert sorted(column(again.dev_texts)) == sorted(column(corpus.dev_texts))


def test_at_most_dev_max_are_held_out(tmp_path: Path, cache: Path) -> None:
    corpus = load(settings(tmp_path, dev_fraction=0.5, dev_max=2), cache)
    assert len(corpus.dev_documents) == len(corpus.dev_texts) == 2


def test_repeats_are_counted_and_kept(tmp_path: Path, cache: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, *[TEXTS[0]] * 3])
    corpus = load(settings(tmp_path, dev_max=1), cache)
    held = column(corpus.dev_texts) == [SHORT[0]]
    assert corpus.report.count("duplicates") == (0 if held else 3)
    assert corpus.report.count("held_out_dropped") == (3 if held else 0)


# ---- the report


def test_the_report_tells_sizes_and_survives_json(tmp_path: Path, cache: Path) -> None:
    corpus = load(settings(tmp_path), cache)
    lines = str(corpus.report).splitlines()
    assert lines[0] == f"documents: {len(corpus.documents)}, 13.0 words on average, 13 at most"
    assert any(line.startswith("dev_texts: 2, 3.0 words on average, 3 at most, held out") for line in lines)
    assert f"dev (summaries): {len(PAIRS)}, 2.0 words on average, 2 at most" in lines
    assert UnpairedReport.from_dict(corpus.report.to_dict()) == corpus.report


# ---- the cache


def test_the_second_time_nothing_is_prepared(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(settings(tmp_path), cache)
    monkeypatch.setattr(staging, "prepare", lambda *_: pytest.fail("prepared again"))
    assert everything(load(settings(tmp_path), cache)) == everything(first)


@pytest.mark.parametrize(
    "changes", [{"dev_fraction": 0.2}, {"allow_pairs": True}, {"dev": None}, {"dev_max": 1}], ids=str
)
def test_another_setting_is_another_corpus(changes: dict[str, Any], tmp_path: Path, cache: Path) -> None:
    load(settings(tmp_path), cache)
    load(settings(tmp_path, **changes), cache)
    assert len(list(cache.iterdir())) == 2


def test_changed_files_are_another_corpus(tmp_path: Path, cache: Path) -> None:
    first = load(settings(tmp_path), cache)
    write_jsonl(tmp_path / "texts.jsonl", [*TEXTS, {"id": 1, "title": "something new"}])
    second = load(settings(tmp_path), cache)
    assert second.fingerprint != first.fingerprint and "something new" in everything(second)["texts"]


def test_a_damaged_cache_is_built_again(tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = everything(load(settings(tmp_path), cache))
    (file,) = cache.glob("*/documents.arrow")
    file.write_bytes(file.read_bytes()[:-20] + b"x" * 20)
    with caplog.at_level(logging.WARNING):
        assert everything(load(settings(tmp_path), cache)) == first
    assert "documents.arrow is damaged" in caplog.text


def test_an_interrupted_build_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "prepare", stop)
    with pytest.raises(KeyboardInterrupt):
        load(settings(tmp_path), cache)
    assert list(cache.iterdir()) == []


def test_where_the_files_lie_does_not_matter(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = load(settings(tmp_path / "a"), cache), load(settings(tmp_path / "b"), cache)
    assert one.fingerprint == two.fingerprint and len(list(cache.iterdir())) == 1


def test_the_bundled_sample_loads(cache: Path) -> None:
    config = UnpairedDataConfig(
        dev=PairsConfig(path="data/sample-news/dev.jsonl"), test=PairsConfig(path="data/sample-news/test.jsonl")
    )
    corpus = load(config, cache)
    assert len(corpus.documents) > 900 and len(corpus.texts) > 1400 and corpus.dev is not None
    assert not corpus.report.findings, str(corpus.report)


def test_settings_can_be_copied() -> None:
    """`dataclasses.asdict` of the configuration goes into config.yaml."""
    config = UnpairedDataConfig(dev=PairsConfig(path="x.jsonl"))
    plain = dataclasses.asdict(config)
    assert plain["dev"]["summary_column"] == "summary" and plain["texts"]["part"] == "1/1"


def test_too_little_to_hold_out(tmp_path: Path, cache: Path) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [TEXTS[0]] * 4)
    with pytest.raises(UserError, match="fewer than two different texts"):
        load(settings(tmp_path), cache)
    assert list(cache.iterdir()) == []
