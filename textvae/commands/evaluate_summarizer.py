"""`textvae evaluate RUN` for a summarizer: ROUGE beside LEAD, and the alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from textvae.evaluation.summaries.config import SummaryEvaluationConfig
from textvae.inference.config import SummaryDecodingConfig
from textvae.volume import add_volume, set_volume

EPILOG = """exit codes:
  0  done       2  wrong input: no such run, data that moved

examples:
  textvae evaluate runs/news
  textvae evaluate runs/news --words 8 --examples 5
  textvae evaluate runs/news --split dev --step 1200 --save runs/news/evaluation-1200
"""
SHORT = {f"--{name}": f"--decoding.{name}" for name in SummaryDecodingConfig.__dataclass_fields__}
"""`--words 9` is short for `--decoding.words 9`, and so on."""


@dataclass
class SummarizerOptions:
    """What to score, how the summaries are written, and where the result goes."""

    name: str | None = None
    """Name of the system in the table. Default: that of the run."""
    split: Literal["dev", "test"] | None = None
    """Pairs to measure on. Default: the test pairs if the run has some, else those of dev."""
    step: int | None = None
    """Evaluate the checkpoint of this step (training.keep_checkpoints keeps more of them). Default: the best model."""
    decoding: SummaryDecodingConfig = field(default_factory=SummaryDecodingConfig)
    """How the summaries are written. Default: as stored with the model."""
    examples: int = 0
    """Print so many outputs, evenly spaced."""
    save: str | None = None
    """Folder for metrics.json and outputs.txt. Default: RUN/evaluation."""
    cache: str | None = None
    """Folder of trained instruments and prepared data. Default: that of the run, or ~/.cache/textvae."""


def make_parser(prog: str) -> Any:
    """Options of the command."""
    import jsonargparse

    from textvae.config.parsing import Formatter

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} RUN [OPTION ...]",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    parser.add_argument("run", help="run directory of a summarizer")
    parser.add_class_arguments(SummarizerOptions)
    parser.add_argument("--evaluation", type=SummaryEvaluationConfig, default=SummaryEvaluationConfig())
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae evaluate") -> int:
    """Exit code 0; UserError where the input is wrong."""
    parser = make_parser(prog)
    argv = [SHORT.get(name, name) + equals + value for name, equals, value in (a.partition("=") for a in argv)]
    built = parser.instantiate_classes(parser.parse_args(argv))
    set_volume(built)
    options = SummarizerOptions(**{name: getattr(built, name) for name in SummarizerOptions.__dataclass_fields__})
    evaluate_summarizer(Path(built.run), options, built.evaluation)
    return 0


def evaluate_summarizer(run: Path, options: SummarizerOptions, evaluation: SummaryEvaluationConfig) -> None:
    """Write the summaries, print the table with its alarms, save everything."""
    from textvae.commands.evaluate_summaries import publish
    from textvae.config import load_config
    from textvae.experiment.summary_evaluation import FinishedSummarizer

    config = load_config(run / "config.yaml")
    config.cache = options.cache or config.cache
    finished = FinishedSummarizer(config, run, options.split or ("test" if config.data.test else "dev"), options.step)
    evaluator = finished.evaluator(evaluation)
    outputs, how = finished.write(**options.decoding.given())
    result = evaluator.score(outputs, options.name or run.name, reconstruct_nll=finished.reconstruction)
    folder = Path(options.save) if options.save else run / "evaluation"
    publish(result, evaluator, outputs, folder, options.examples, **how, split=finished.split, step=options.step)
