"""`textvae evaluate` for summaries: of a run, or of any system from files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.config.base import RunOptions
from textvae.errors import UserError
from textvae.evaluation.summaries.config import SummaryEvaluationConfig
from textvae.files import default_cache, read_lines
from textvae.inference.config import SummaryDecodingConfig
from textvae.text import TextConfig, prepare
from textvae.volume import note

if TYPE_CHECKING:
    from textvae.evaluation.summaries.evaluator import SummaryEvaluator
    from textvae.evaluation.summaries.instruments import SummaryInstruments
    from textvae.evaluation.summaries.results import SummaryEvaluation


@dataclass
class SummaryFileOptions:
    """Summaries of any system. Files: a text a line, or .jsonl.

    With --documents, or references in a .jsonl that has them, LEAD stands beside the system. With --texts and
    --train-documents (human texts and documents of a training, never pairs of what is scored) so do the baselines that
    learn, and the alarms for a code that people cannot read.
    """

    references: str | None = None
    """Summaries by people."""
    documents: str | None = None
    """Documents the outputs are summaries of. Default: those in the .jsonl of the references, if it has them."""
    summary_column: str = "summary"
    """Column of references in a .jsonl."""
    document_column: str = "document"
    """Column of documents in a .jsonl; of a list of paragraphs the first is read."""
    texts: str | None = None
    """Short texts by people that have nothing to do with the documents."""
    train_documents: str | None = None
    """Documents other than those scored."""
    name: str | None = None
    """Name of the system in the table. Default: that of its file."""
    examples: int = 0
    """Print so many outputs, evenly spaced."""
    save: str | None = None
    """Folder for metrics.json and outputs.txt."""
    cache: str | None = None
    """Folder of trained instruments. Default: $XDG_CACHE_HOME/textvae, or ~/.cache/textvae."""
    evaluation: SummaryEvaluationConfig = field(default_factory=SummaryEvaluationConfig)
    """How it is measured."""
    text: TextConfig = field(default_factory=TextConfig)
    """How raw text becomes words."""


def evaluate_files(outputs: list[str], options: SummaryFileOptions) -> None:
    """Score a file of summaries, print the table and save what `options` asks for."""
    from textvae.evaluation.summaries.evaluator import SummaryEvaluator

    if len(outputs) != 1:
        raise UserError("summaries are scored from one file: --outputs FILE, one summary a line")
    path, text, evaluation = outputs[0], options.text, options.evaluation
    lines = read_texts(path, "", text)
    documents, references = test_pairs(options, text)
    for other, texts in ((options.documents or options.references, documents), (options.references, references)):
        if texts and len(texts) != len(lines):
            raise UserError(
                f"{path} has {len(lines)} lines, but {other} has {len(texts)} texts: one output a line, in their "
                "order, an empty line where there is none"
            )
    evaluator = SummaryEvaluator(documents, references, instruments(options, evaluation, text), evaluation)
    result = evaluator.score(lines, options.name or Path(path).stem)
    folder = Path(options.save) if options.save else None
    files = {name: value for name, value in vars(options).items() if name not in ("evaluation", "text")}
    publish(result, evaluator, lines, folder, options.examples, files={"outputs": path, **files})


def publish(
    result: SummaryEvaluation,
    evaluator: SummaryEvaluator,
    outputs: Sequence[str],
    folder: Path | None,
    count: int,
    **facts: Any,
) -> None:
    """Save result, facts and outputs (to `folder`, if there is one), then print the table and `count` examples."""
    if folder is not None:  # before anything is printed: a reader such as `head` may close the pipe
        save(folder, {**result.to_dict(), **facts}, outputs)
    print(result.table())
    for line in examples(evaluator, outputs, count):
        print(line)
    if folder is not None:
        note(f"saved in {folder}")


@dataclass
class SummarizerOptions(RunOptions):
    """ROUGE beside LEAD, and the alarms. Saved are metrics.json and outputs.txt."""

    name: str | None = None
    """Name of the system in the table. Default: that of the run."""
    step: int | None = None
    """Evaluate the checkpoint of this step (training.keep_checkpoints keeps more of them). Default: the best model."""
    decoding: SummaryDecodingConfig = field(default_factory=SummaryDecodingConfig)
    """How the summaries are written. Default: as stored with the model."""
    examples: int = 0
    """Print so many outputs, evenly spaced."""
    evaluation: SummaryEvaluationConfig = field(default_factory=SummaryEvaluationConfig)
    """How it is measured."""


def evaluate_summarizer(run: Path, options: SummarizerOptions) -> None:
    """Write the summaries, print the table with its alarms, save everything."""
    from textvae.experiment.runs import config_of
    from textvae.experiment.summary_evaluation import FinishedSummarizer

    config = config_of(run, options.cache)
    finished = FinishedSummarizer(config, run, options.split or ("test" if config.data.test else "dev"), options.step)
    evaluator = finished.evaluator(options.evaluation)
    outputs, how = finished.write(**options.decoding.given())
    result = evaluator.score(outputs, options.name or run.name, reconstruct_nll=finished.reconstruction)
    folder = options.folder(run)
    publish(result, evaluator, outputs, folder, options.examples, **how, split=finished.split, step=options.step)


def test_pairs(options: SummaryFileOptions, text: TextConfig) -> tuple[list[str], list[str]]:
    """(documents, references); a side that was not given is empty."""
    references = read_texts(options.references, options.summary_column, text) if options.references else []
    if options.documents:
        return read_texts(options.documents, options.document_column, text), references
    if options.references and _is_table(options.references):
        found = _column(Path(options.references), options.document_column, required=False)
        return [prepare(document, text) for document in found], references
    return [], references


def instruments(
    options: SummaryFileOptions, evaluation: SummaryEvaluationConfig, text: TextConfig
) -> SummaryInstruments | None:
    """What learns from the training sides that were given; None without any."""
    if options.texts is None and options.train_documents is None:
        return None
    from textvae.evaluation.summaries.instruments import build_instruments

    human = read_texts(options.texts, options.summary_column, text) if options.texts else []
    documents = read_texts(options.train_documents, options.document_column, text) if options.train_documents else []
    cache = Path(options.cache) if options.cache else default_cache()
    return build_instruments(human, documents, cache, evaluation)


def read_texts(path: str, column: str, text: TextConfig) -> list[str]:
    """Prepared texts of a file of lines, or of a column of a .jsonl."""
    lines = _column(Path(path), column) if _is_table(path) else (line for _, line in read_lines(path))
    return [prepare(line, text) for line in lines]


def _is_table(path: str) -> bool:
    return path.endswith((".jsonl", ".ndjson"))


def _column(path: Path, column: str, required: bool = True) -> Iterator[str]:
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            value = row[column]
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not a JSON object ({error})") from error
        except (KeyError, TypeError) as error:
            if not required:
                return
            there = ", ".join(row) if isinstance(row, dict) else "no columns"
            raise UserError(
                f"{path}, line {number}: no column {column!r} but {there}; name it with --summary_column or "
                "--document_column"
            ) from error
        if isinstance(value, list):
            value = next((part for part in value if part), "")
        if not isinstance(value, str):
            raise UserError(f"{path}, line {number}: column {column!r} holds no text but {value!r}")
        yield value


def examples(evaluator: SummaryEvaluator, outputs: Sequence[str], count: int) -> list[str]:
    """`count` outputs evenly spaced, with document and reference where there are any."""
    lines: list[str] = []
    for row in range(0, len(outputs), max(len(outputs) // count, 1))[:count] if count else ():
        sides = (("document", evaluator.documents), ("output", outputs), ("reference", evaluator.references))
        lines += [f"  {name:10} {texts[row]}" for name, texts in sides if texts] + [""]
    return lines


def save(folder: Path, metrics: dict[str, Any], outputs: Sequence[str]) -> None:
    """metrics.json and outputs.txt (prepared, one a line)."""
    from textvae.files import atomic_write, write_json

    with atomic_write(folder / "outputs.txt") as handle:
        handle.writelines(f"{output}\n" for output in outputs)
    write_json(folder / "metrics.json", metrics)
