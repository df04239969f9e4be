"""`textvae sweep`: accuracy against BLEU, or rate against distortion, over a grid of decodings or trainings."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from textvae.errors import UserError
from textvae.evaluation.config import EvaluationConfig
from textvae.evaluation.diagnostics.config import DiagnosticsConfig
from textvae.volume import add_volume, set_volume

DESCRIPTION = """\
Score a grid of options with the judges of `textvae evaluate`, and draw style accuracy against BLEU beside
what is published on the same test set. Of sentence autoencoders: rate against distortion and mutual information.

  textvae sweep RUN --grid strength=1,2            decodes one trained style run in every way of the grid
  textvae sweep --config FILE --grid NAME=A,B --runs DIR
                                                   trains a run for every point, one after the other,
                                                   and scores each as it decodes by default; sentence
                                                   autoencoders by --diagnostics.*, as of textvae evaluate

Points are scored on the dev part. Never choose options by numbers of the test part: they would no longer say
what new sentences get. --split test is for reporting points that dev has chosen.

Accuracy is the share of outputs with the label wanted, by the judges. Of a run with several attributes every one is
changed alone, then all of them; each makes a sweep of its own, in a folder of that name, and an output counts as
accurate where every attribute has the label it should, those that were to be kept included (the table has each one
beside it).

Nothing is done twice: points already scored in the folder are kept (also those of earlier grids, if model, data
and judges are the same), unfinished trainings go on, and Ctrl-C loses only the point at hand (a training keeps its
checkpoint). A training that diverges is reported, and the next one begins."""

EPILOG = """\
decoding options for --grid (all but these are fixed by the scoring):
  strength, beam, num_candidates, length_penalty, no_repeat_ngram, min_length, allow_unk,
  sample, temperature, top_k, top_p, seed,
  rerank, rerank_candidates, retrieve, retrieve_only, revise, revise_steps, revise_threshold
  Those of the last line need `textvae fit-scorers RUN`, once. `default` is a value where an option has none.
training options for --grid: every dotted name of `textvae train --help`. Options that are the same for all
points are given as to `textvae train` (--training.epochs 3).

written to the folder: sweep.json (everything), table.md, frontier.svg and .png (pip install 'textvae[report]';
rate_distortion.svg and .png of sentence autoencoders),
points/NAME/ with metrics.json and outputs, as `textvae evaluate` writes them; for trainings a run directory each.

exit codes:
  0  every point is scored       1  a training failed       2  wrong input or usage
  3  a training diverged       130/143  stopped; the same command goes on

examples:
  textvae sweep runs/yelp --grid strength=0.5,1,1.5,2 --grid beam=1,5
  textvae sweep runs/yelp --grid rerank=true --grid rerank_candidates=5,10,20
  textvae sweep runs/yelp --grid strength=1.5 --split test         # the one that dev has chosen
  textvae sweep --config configs/yelp/style_content_vae.yaml --grid training.learning_rate=0.001,0.002 \\
      --grid training.seed=0,1 --runs runs/rates --dry-run
  textvae sweep --config configs/sentence_vae/gaussian.yaml --config configs/sentence_vae/bottleneck.yaml \\
      --grid model.latent.target_rate=2,4,8,16,32 --runs runs/target-rates
  textvae sweep --config configs/sentence_vae/gaussian.yaml --grid objectives.J_kl.weight=0.3,1,3 --runs runs/betas"""

SETTINGS: dict[str, tuple[str, Any]] = {
    "evaluation": ("judges, as of textvae evaluate", EvaluationConfig),
    "diagnostics": ("sentence autoencoders, as of textvae evaluate", DiagnosticsConfig),
}
"""Groups of options: prefix, title, class."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Options of the command; in a sweep over trainings all others are handed to `textvae train`."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run", metavar="RUN", nargs="?", type=Path, help="a trained style run, to be decoded")
    add("--config", metavar="FILE", action="append", help="train instead: configuration(s), as of `textvae train`")
    add("--grid", metavar="NAME=A,B", action="append", default=[], help="values of an option; may be given often")
    add("--split", choices=("dev", "test"), default="dev", help="part to decode (default dev; see above)")
    add("--save", metavar="DIR", type=Path, help="where results go (default: RUN/sweep, RUN/sweep_test for test)")
    add("--runs", metavar="DIR", type=Path, help="where trained runs and results go")
    add("--data-path", metavar="FOLDER", help="where RUN's data are now, if they moved")
    add("--cache", metavar="FOLDER", help="judges and prepared data (default: that of the run)")
    add("--dry-run", action="store_true", help="list the points and what is done of them; do nothing")
    add_volume(parser)
    for prefix, (title, kind) in SETTINGS.items():
        group = parser.add_argument_group(title)
        for field in fields(kind):
            number = {"int": int, "float": float}[str(field.type)]
            group.add_argument(f"--{prefix}.{field.name}", type=number, default=field.default, metavar="X")
    return parser


def read_settings(args: argparse.Namespace, prefix: str) -> Any:
    """The object of a group of options."""
    kind = SETTINGS[prefix][1]
    return kind(**{field.name: getattr(args, f"{prefix}.{field.name}") for field in fields(kind)})


def main(argv: list[str], prog: str = "textvae sweep") -> int:
    """Exit code 0, 1, 2, 3, or 128 + signal; UserError where the input is wrong."""
    parser = make_parser(prog)
    ours, others = split_arguments(argv, parser)
    args = parser.parse_args(ours)
    set_volume(args)
    if (args.run is None) == (args.config is None):
        raise UserError("give a trained RUN to decode, or --config FILE to train; --help has examples of both")
    if not args.grid:
        raise UserError("give at least one --grid NAME=VALUE,VALUE; --help names the options")
    evaluation = read_settings(args, "evaluation")
    try:
        if args.config is not None:
            from textvae.commands.sweep_training import sweep_trainings

            return sweep_trainings(args, others, evaluation, read_settings(args, "diagnostics"))
        if others:
            raise UserError(f"unknown option {others[0]}; a run is decoded with --grid OPTION=VALUES, see --help")
        from textvae.commands.sweep_decoding import sweep_decoding

        return sweep_decoding(args, evaluation)
    except KeyboardInterrupt:
        print(f"{prog}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def split_arguments(argv: list[str], parser: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """Our arguments, and the options with their values that we do not know.

    argparse's own parse_known_args would take the value of an unknown option for RUN.
    """
    known = {option for action in parser._actions for option in action.option_strings}
    ours: list[str] = []
    others: list[str] = []
    target = ours
    for argument in argv:
        if argument.startswith("--"):
            target = ours if argument.partition("=")[0] in known else others
            target.append(argument)
            if target is others and "=" in argument:
                target = ours
        else:
            target.append(argument)
            target = ours
    return ours, others
