"""`textvae fit-judge`: would a reader accept this rewriting? A judge, fitted to marks of readers."""

from __future__ import annotations

import argparse
from pathlib import Path

from textvae.commands.finished_runs import add_places, with_places
from textvae.volume import add_volume, note, set_volume

DESCRIPTION = """\
Fit P(a reader accepts | input, output, target), by which candidates are ranked and outputs reported.
A small network learns from the labelled training sentences what each style is, from sentences spoilt on
purpose what does not belong, from rewritings of a machine what people do not write. A classifier on what
it finds, on what was kept, put in and lost, is fitted to marks of readers.

Marks are tab-separated files with the columns source, wanted (or target), output and accept (0 or 1), or
grammar, style and content from 1 to 5 instead of accept, where three marks of 4 or more count as accepted.
Printed, and stored with the judge: how it agrees with held-out marks (no rewriting of the same source was
seen), with 95 % intervals, and two baselines beside it. The threshold stored with it is the least P above
which 80 of 100 held-out outputs are accepted. About ten minutes on one core with the Yelp sentences."""

EPILOG = """\
exit codes:
  0  done       2  wrong input: no run, data that moved, files that are not as described

examples:
  textvae fit-judge runs/yelp --marks marks.tsv
  textvae fit-judge runs/yelp --marks a.tsv b.tsv --rewritings transfers.tsv --language reviews.txt
  textvae fit-judge runs/yelp --marks a.tsv b.tsv more.tsv      # the network stays, new marks are added
  textvae fit-judge runs/yelp -o judges/report --marks a.tsv --language-model ~/smollm2-135m --encoder ~/minilm"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="run directory of a style transfer, or the YAML file of one")
    add("--marks", type=Path, nargs="+", required=True, metavar="FILE", help="marks of readers, tab-separated")
    add("--rewritings", type=Path, nargs="+", default=[], metavar="FILE",
        help="what a machine wrote: files of `textvae back-translate`, or one sentence a line")  # fmt: skip
    add("--language", type=Path, nargs="+", default=[], metavar="FILE", help="more sentences of people, one a line")
    add("--output", "-o", type=Path, metavar="FOLDER", help="where the judge goes (default: RUN/best/scorers)")
    add("--refit", action="store_true", help="train a network that is there already again")
    add("--steps", type=int, default=2500, metavar="N", help="steps of the network's training (default 2500)")
    add("--seed", type=int, default=1000, metavar="N", help="of the network (default 1000)")
    add("--precision", type=float, default=0.8, metavar="P",
        help="share accepted of what lies above the threshold (default .8)")  # fmt: skip
    add("--language-model", metavar="NAME", help="let a pretrained language model read too: a folder or hub name")
    add("--encoder", metavar="NAME", help="a sentence encoder with it; both make the judge that reports, not guides")
    add_places(add)
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae fit-judge") -> int:
    """Exit code 0; UserError where the run, its data or a file are wrong."""
    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    from textvae.config import load_config
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.errors import UserError
    from textvae.experiment.acceptance import (
        fit_classifier,
        judge_data,
        read_marks,
        table_of,
        train_judge,
    )  # fmt: skip
    from textvae.experiment.reader_training import ReaderTraining
    from textvae.inference.acceptance import NAME, AcceptanceJudge

    if (args.language_model is None) != (args.encoder is None):
        raise UserError("--language-model and --encoder go together: name both")
    settings = ReaderTraining(steps=args.steps, seed=args.seed)
    marks = [read_marks(path) for path in args.marks]
    if args.output is None and not args.run.is_dir():
        raise UserError(f"{args.run} is no run directory; say with --output where the judge is to go")
    folder = args.output or args.run / "best" / "scorers"
    if args.refit or not (folder / f"{NAME}.json").is_file():
        config = load_config(args.run / "config.yaml" if args.run.is_dir() else args.run)
        if not isinstance(config, ExperimentConfig) or len(config.data.attributes) > 1:
            raise UserError(f"{args.run}: a judge is fitted for runs that transfer the style of one attribute")
        data, labels = judge_data(with_places(config, args), args.language, args.rewritings)
        judge = train_judge(data, labels, settings, note)
    else:
        judge = AcceptanceJudge.load(folder)
    if args.language_model and args.encoder:
        from textvae.evaluation.acceptance import PretrainedReading, ReportingJudge

        judge = ReportingJudge.of(judge, PretrainedReading(args.language_model, args.encoder))
        marks = [m for m in marks if "accept" in m.columns]
    judge.facts["agreement"] = fit_classifier(judge, marks, args.precision)
    judge.save(folder)
    print(table_of(judge.facts["agreement"]))
    note(f"threshold {judge.threshold:.3f}; stored in {folder}")
    return 0
