"""`textvae evaluate --outputs FILE --references FILE`: score summaries of any system."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.errors import UserError
from textvae.evaluation.summaries.config import SummaryEvaluationConfig
from textvae.files import default_cache, read_lines
from textvae.text import TextConfig, prepare
from textvae.volume import add_volume, note, set_volume

if TYPE_CHECKING:
    from textvae.evaluation.summaries.evaluator import SummaryEvaluator
    from textvae.evaluation.summaries.instruments import SummaryInstruments
    from textvae.evaluation.summaries.results import SummaryEvaluation

EPILOG = """exit codes:
  0  done       2  wrong input: files of different lengths, a column that is not there

examples:
  textvae evaluate --outputs summaries.txt --references titles.txt
  textvae evaluate --outputs summaries.txt --references dev.jsonl --texts human.txt --train_documents articles.txt
  textvae evaluate --outputs summaries.txt --documents articles.txt

With --documents, or references in a .jsonl that has them, LEAD stands beside the system. With --texts and
--train_documents (human texts and documents of a training, never pairs of what is scored) so do the baselines that
learn, and the alarms for a code that people cannot read.
"""
OWN_OPTIONS = ("--references", "--documents")


@dataclass
class SummaryOptions:
    """What to score, with what beside it, and where the result goes. Files: a text a line, or .jsonl."""

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


def wanted(argv: Sequence[str]) -> bool:
    """Whether the arguments of `textvae evaluate` are about summaries in files."""
    return any(argument.partition("=")[0] in OWN_OPTIONS for argument in argv)


def make_parser(prog: str) -> Any:
    """Options of the command."""
    import jsonargparse

    from textvae.config.parsing import Formatter

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} --outputs FILE [OPTION ...]",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    parser.add_argument(
        "--outputs", required=True, metavar="FILE", help="one summary a line, in order of the documents"
    )
    parser.add_class_arguments(SummaryOptions)
    parser.add_argument("--evaluation", type=SummaryEvaluationConfig, default=SummaryEvaluationConfig())
    parser.add_argument("--text", type=TextConfig, default=TextConfig())
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    parser = make_parser(prog)
    built = parser.instantiate_classes(parser.parse_args(argv))
    set_volume(built)
    options = SummaryOptions(**{name: getattr(built, name) for name in SummaryOptions.__dataclass_fields__})
    evaluate_summaries(built.outputs, options, built.evaluation, built.text)
    return 0


def evaluate_summaries(
    outputs: str, options: SummaryOptions, evaluation: SummaryEvaluationConfig, text: TextConfig
) -> SummaryEvaluation:
    """Score the file `outputs`, print the table and save what `options` asks for."""
    from textvae.evaluation.summaries.evaluator import SummaryEvaluator

    lines = read_texts(outputs, "", text)
    documents, references = test_pairs(options, text)
    for path, texts in ((options.documents or options.references, documents), (options.references, references)):
        if texts and len(texts) != len(lines):
            raise UserError(
                f"{outputs} has {len(lines)} lines, but {path} has {len(texts)} texts: one output a line, in their "
                "order, an empty line where there is none"
            )
    evaluator = SummaryEvaluator(documents, references, instruments(options, evaluation, text), evaluation)
    result = evaluator.score(lines, options.name or Path(outputs).stem)
    folder = Path(options.save) if options.save else None
    publish(result, evaluator, lines, folder, options.examples, files={"outputs": outputs, **vars(options)})
    return result


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


def test_pairs(options: SummaryOptions, text: TextConfig) -> tuple[list[str], list[str]]:
    """(documents, references); a side that was not given is empty."""
    references = read_texts(options.references, options.summary_column, text) if options.references else []
    if options.documents:
        return read_texts(options.documents, options.document_column, text), references
    if options.references and _is_table(options.references):
        found = _column(Path(options.references), options.document_column, required=False)
        return [prepare(document, text) for document in found], references
    return [], references


def instruments(
    options: SummaryOptions, evaluation: SummaryEvaluationConfig, text: TextConfig
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
