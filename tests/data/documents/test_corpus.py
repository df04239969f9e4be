"""Documents as a source: both formats, what is left out, held out and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textvae.data.corpus import Corpus
from textvae.errors import UserError
from textvae.extras.documents.config import DocumentDataConfig
from textvae.extras.documents.corpus import load_documents
from textvae.text import TextConfig


def load(path: Path, **options: object) -> Corpus:
    config = DocumentDataConfig(**{"path": str(path), **options})  # type: ignore[arg-type]
    return load_documents(config, TextConfig(), path.parent / "cache")


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


def pairs(dataset) -> list[tuple[str, int]]:  # type: ignore[no-untyped-def]
    return list(zip(dataset["text"], dataset["label"], strict=True))


def test_blank_lines_part_documents(tmp_path: Path) -> None:
    text = "\n\nOne here!\ntwo .\n\n\n \nthree .\nfour .\nfive .\n"
    corpus = load(
        write(tmp_path / "data", train_txt=text, dev_txt="six .\nseven .", test_txt="eight .\n\nnine .\nten .\n")
    )
    assert pairs(corpus.train) == [("one here !", 0), ("two .", 0), ("three .", 1), ("four .", 1), ("five .", 1)]
    assert pairs(corpus.dev) == [("six .", 0), ("seven .", 0)]
    assert pairs(corpus.test) == [("nine .", 0), ("ten .", 0)]
    assert corpus.report.count("short_dropped", "test") == 1
    assert corpus.report.lines()[0].startswith("train: 2 documents of 5 sentences")
    assert any("test.txt:1" in line for line in corpus.report.lines())


def test_jsonl_holds_lists_of_sentences_or_texts_to_be_cut(tmp_path: Path) -> None:
    rows = [{"body": ["Rain fell. Snow too.", "it froze ."]}, {"body": "Sun rose. Birds sang! All woke."}]
    folder = write(tmp_path / "data", train_jsonl="\n".join(map(json.dumps, rows)), dev_jsonl=json.dumps(rows[1]))
    config = {"source": "jsonl", "column": "body", "drop_leaked": False}
    kept = load(folder, **config)
    first = [("rain fell . snow too .", 0), ("it froze .", 0)]
    assert pairs(kept.train) == [*first, ("sun rose .", 1), ("birds sang !", 1), ("all woke .", 1)]
    assert kept.report.count("leaked_kept") == 1
    cut = load(folder, **config, split=True)
    assert pairs(cut.train)[:3] == [("rain fell .", 0), ("snow too .", 0), ("it froze .", 0)]
    leaked = load(folder, **{**config, "drop_leaked": True})
    assert pairs(leaked.train) == first and leaked.report.count("leaked_dropped") == 1


def test_lines_of_text_are_cut_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", train_txt="Rain fell. Snow too.\n\nit froze. all slept.\n", dev_txt="i .\nj .\n")
    assert pairs(load(folder, split=True).train) == [
        ("rain fell .", 0),
        ("snow too .", 0),
        ("it froze .", 1),
        ("all slept .", 1),
    ]


def test_over_long_sentences_are_left_out_of_train_and_cut_elsewhere(tmp_path: Path) -> None:
    long = "a b c d e\nf .\n\ng .\nh .\n"
    corpus = load(write(tmp_path / "data", train_txt=long, dev_txt=long), max_tokens=3, drop_leaked=False)
    assert pairs(corpus.train) == [("g .", 0), ("h .", 0)]
    assert corpus.report.count("over_long_dropped") == 1 and corpus.report.count("short_dropped") == 1
    assert pairs(corpus.dev) == [("a b c", 0), ("f .", 0), ("g .", 1), ("h .", 1)]


def test_a_document_with_an_over_long_sentence_is_found_again_in_dev(tmp_path: Path) -> None:
    shared, other = "a b c d e\nf .\ng .\n", "h .\ni .\n"
    folder = write(tmp_path / "data", train_txt=f"{shared}\n{other}", dev_txt=shared)
    assert pairs(load(folder, max_tokens=3).train) == [("h .", 0), ("i .", 0)]


def test_dev_is_held_out_by_whole_documents(tmp_path: Path) -> None:
    text = "\n".join(f"first of {i} .\nsecond of {i} .\n" for i in "abcdefghij")
    corpus = load(write(tmp_path / "data", train_txt=text + "\n" + text), dev_fraction=0.2)
    train, dev = set(corpus.train["text"]), set(corpus.dev["text"])
    assert len(dev) == 4 * 2 and not train & dev and len(train | dev) == 20
    assert corpus.train["label"][-1] == max(corpus.train["label"]) == len(set(corpus.train["label"])) - 1
    assert corpus.report.held_out and corpus.report.count("duplicates") > 0
    again = load(tmp_path / "data", dev_fraction=0.2)
    assert again.dev["text"] == corpus.dev["text"] and type(again.report) is type(corpus.report)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "train.txt: holds no document"),
        ("one .\n\ntwo .\n", {}, "no document of data.min_sentences"),
        ("x" * 200 + "\nb .\n", {"max_line_chars": 100}, "train.txt:1: .*max_line_chars"),
        ("one .\ntwo .\n", {"dev": "none"}, "too few different documents"),
        ('{"sentences": 3}', {"source": "jsonl"}, "train.jsonl:1: column 'sentences' holds a int.*--data.column"),
        ('{"sentences": ["a", 3]}', {"source": "jsonl"}, "train.jsonl:1: .*holds int 3, expected text"),
        ('{"body": []}', {"source": "jsonl"}, "train.jsonl:1: no column 'sentences'.*--data.column"),
        ("{", {"source": "jsonl"}, "train.jsonl:1: broken JSON"),
    ],
)
def test_bad_documents_are_told_with_file_line_and_remedy(
    tmp_path: Path, content: str, options: dict, message: str
) -> None:
    kind = "jsonl" if options.get("source") == "jsonl" else "txt"
    good = '{"sentences": ["a .", "b ."]}' if kind == "jsonl" else "a .\nb .\n"
    folder = write(tmp_path / "data", **{f"train_{kind}": content, f"dev_{kind}": good})
    with pytest.raises(UserError, match=message):
        load(folder, **options)
    assert not list((tmp_path / "cache").glob("corpus-*"))


def test_nul_and_other_encodings(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", dev_txt="a .\nb .\n")
    for content, message in ((b"a\0b\n", "NUL"), (b"\xff\xfe\n", "UTF-8")):
        (folder / "train.txt").write_bytes(content)
        with pytest.raises(UserError, match=f"train.txt:1: .*{message}"):
            load(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "csv"}, "text or jsonl"),
        ({"min_sentences": 0}, "at least 1"),
        ({"dev_fraction": 1.0}, "between"),
        ({"train": "none"}, "training documents"),
    ],
)
def test_contradictions_are_refused(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        DocumentDataConfig(**options)
