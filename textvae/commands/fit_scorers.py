"""`textvae fit-scorers`: what reranking and retrieval need of a run, made once and stored beside its model."""

from __future__ import annotations

import argparse
from pathlib import Path

from textvae.commands.finished_runs import add_places, style_run
from textvae.volume import add_volume, note, set_volume

DESCRIPTION = """\
Make what `textvae transfer --rerank`, `--retrieve` and `--revise` need of a run, in RUN/best/scorers:
a style classifier and a language model of the training sentences, an index of them by content, a table of
the phrases that stood between two words in sentences of each label, and the weights of the reranking
score, searched on the dev part without references. Neither classifier nor
language model is one of those that `textvae evaluate` reports by. A few minutes on one core.

Of a run with several attributes the classifier tells all of them, and the style of a candidate is the sum of
their log-probabilities, of those that are kept as of those that change; what is retrieved has all labels."""

EPILOG = """\
exit codes:
  0  done       2  wrong input: no run, a summarizer, data that moved (see --data-path)

examples:
  textvae fit-scorers runs/yelp
  textvae transfer runs/yelp --to positive --rerank reviews.txt"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="run directory of a style transfer")
    add("--refit", action="store_true", help="train networks that are there already again")
    add("--epochs", type=int, default=2, metavar="N", help="passes over the training sentences (default 2)")
    add(
        "--batch-size",
        type=int,
        default=256,
        metavar="N",
        help="sentences of a step; 32 for a few thousand sentences, which are too few steps otherwise (default 256)",
    )
    add("--seed", type=int, default=1000, metavar="N", help="not that of a judge, which is 0 or 1 (default 1000)")
    add(
        "--accuracy",
        type=float,
        metavar="A",
        help="style accuracy that reranking is to reach on dev, by the selection judge (default: as in the training)",
    )
    add("--no-index", action="store_true", help="no retrieval")
    add("--index-sentences", type=int, default=300_000, metavar="N", help="at most so many (default 300000)")
    add("--index-size", type=int, default=64, metavar="D", help="numbers kept of a content vector (default 64)")
    add("--no-phrases", action="store_true", help="no changes of single phrases; more candidates of the model instead")
    add(
        "--phrase-count",
        type=int,
        default=4,
        metavar="N",
        help="sentences of a label that must have a phrase between its neighbours (default 4)",
    )
    add(
        "--no-undo", action="store_true", help="rank only what the model writes, not what lies between it and the input"
    )
    add_places(add)
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae fit-scorers") -> int:
    """Exit code 0; UserError where the run or its data are wrong."""
    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    from textvae.experiment.scorers import ScorerFitting, ScorerSettings, ScorerTraining

    run = style_run(args, "only such runs are reranked")
    settings = ScorerSettings(
        training=ScorerTraining(epochs=args.epochs, batch_size=args.batch_size, seed=args.seed),
        index=not args.no_index,
        index_sentences=args.index_sentences,
        index_size=args.index_size,
        phrases=not args.no_phrases,
        phrase_count=args.phrase_count,
        undo=not args.no_undo,
        accuracy=args.accuracy,
        refit=args.refit,
    )
    folder = ScorerFitting(run, settings, note)()
    note(f"stored in {folder}")
    return 0
