"""`textvae evaluate RUN` for a summarizer: ROUGE beside LEAD, and the alarms."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from textvae.evaluation.summaries.config import SummaryEvaluationConfig


@dataclass
class SummarizerOptions:
    """What to score, how the summaries are written, and where the result goes."""

    name: str | None = None
    """Name of the system in the table. Default: that of the run."""
    split: Literal["dev", "test"] | None = None
    """Pairs to measure on. Default: the test pairs if the run has some, else those of dev."""
    words: int | None = None
    """Most words of a summary. Default: 8, unless `ratio` is set."""
    ratio: float | None = None
    """Most words as a share of the document's."""
    beam: int | None = None
    """Beam width; 1 is greedy. Default: 5."""
    examples: int = 0
    """Print so many outputs, evenly spaced."""
    save: str | None = None
    """Folder for metrics.json and outputs.txt. Default: RUN/evaluation."""
    cache: str | None = None
    """Folder of trained instruments and prepared data. Default: that of the run, or ~/.cache/textvae."""


def make_parser(prog: str) -> Any:
    """Options of the command."""
    import jsonargparse

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("run", help="run directory of a summarizer")
    parser.add_class_arguments(SummarizerOptions)
    parser.add_argument("--evaluation", type=SummaryEvaluationConfig, default=SummaryEvaluationConfig())
    return parser


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    parser = make_parser(prog)
    built = parser.instantiate_classes(parser.parse_args(argv))
    options = SummarizerOptions(**{name: getattr(built, name) for name in SummarizerOptions.__dataclass_fields__})
    evaluate_summarizer(Path(built.run), options, built.evaluation)
    return 0


def evaluate_summarizer(run: Path, options: SummarizerOptions, evaluation: SummaryEvaluationConfig) -> None:
    """Write the summaries, print the table with its alarms, save everything."""
    from textvae.commands.evaluate_summaries import examples, save
    from textvae.config import load_config
    from textvae.experiment.summary_evaluation import FinishedSummarizer

    config = load_config(run / "config.yaml")
    config.cache = options.cache or config.cache
    finished = FinishedSummarizer(config, run, options.split or ("test" if config.data.test else "dev"))
    evaluator = finished.evaluator(evaluation)
    length = {"words": options.words, "ratio": options.ratio, "beam": options.beam}
    outputs, speed = finished.write(**length)
    result = evaluator.score(outputs, options.name or run.name, reconstruct_nll=finished.reconstruction)
    folder = Path(options.save) if options.save else run / "evaluation"
    save(folder, {**result.to_dict(), "decoding": length, "split": finished.split, "speed": speed}, outputs)
    print(result.table())
    for line in examples(evaluator, outputs, options.examples):
        print(line)
    print(f"saved in {folder}", file=sys.stderr)
