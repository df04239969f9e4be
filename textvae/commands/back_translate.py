"""`textvae back-translate`: a run's training sentences in another style, for a training to translate back."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from textvae.commands.finished_runs import add_places, style_run
from textvae.volume import add_volume, note

DESCRIPTION = """\
Rewrite the training sentences of a run in another style with its reranked model, and store sentence and
rewriting side by side. A training that begins from the run with `--transfer.stored FILE` learns to write
the sentences of people from these rewritings, which are nearer to them than what a model writes in the step
of a training. Needs `textvae fit-scorers RUN`. 40 to 70 sentences a second on one thread; stopped, the same
command goes on where it was."""

EPILOG = """\
exit codes:
  0  done       2  wrong input: no run, no scorers, data that moved (see --data-path)
  130  stopped by Ctrl-C         143  stopped by SIGTERM

examples:
  textvae back-translate runs/yelp-translate --output runs/yelp-transfers.tsv
  textvae train --config configs/yelp/style_content_vae.yaml --config configs/yelp/transfer.yaml \\
    --config configs/yelp/translate.yaml --config configs/yelp/back_translate.yaml"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="run directory of a style transfer with scorers")
    add("--output", "-o", type=Path, metavar="FILE", required=True, help="tab-separated: labels, sentence, transfer")
    add("--sentences", type=int, metavar="N", help="rewrite so many, drawn at random (default: all)")
    add(
        "--certainty",
        type=float,
        default=0.97,
        metavar="P",
        help="leave out sentences to whose label the classifier of the scorers gives less (default .97)",
    )
    add(
        "--fluency-loss",
        type=float,
        default=0.5,
        metavar="X",
        help="leave out rewritings that the language model of the scorers finds less likely than the sentence by more "
        "nats a word (default .5)",
    )
    add("--seed", type=int, default=0, metavar="N", help="of the order and the labels aimed at (default 0)")
    add_places(add)
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae back-translate") -> int:
    """Exit code; what is wrong is told."""
    args = make_parser(prog).parse_args(argv)
    from textvae.commands.streams import guarded

    return guarded(prog, args, lambda: work(args))


def work(args: argparse.Namespace) -> int:
    """Write all blocks that are missing; UserError where the run or its data are wrong."""
    from textvae.data.stored import StoredWriter
    from textvae.errors import UserError
    from textvae.experiment.back_translation import BackTranslation, BackTranslationSettings

    settings = BackTranslationSettings(args.sentences, args.certainty, args.fluency_loss, args.seed)
    run = style_run(args, "only such runs are translated back")
    if args.output.exists():
        raise UserError(f"{args.output} is there already; remove it, or name another --output")
    source = BackTranslation(run, settings)
    writer = StoredWriter(args.output, run.transfer.attributes, source.origin)
    if writer.done:
        note(f"goes on after block {writer.done} of {source.blocks}")
    left_out, began, first = [0, 0, 0], time.perf_counter(), writer.done
    for block in source(first):
        writer.add(block.rows)
        left_out = [a + b for a, b in zip(left_out, block[1:], strict=True)]
        each = (time.perf_counter() - began) / (writer.done - first)
        note(f"block {writer.done} of {source.blocks}, {each * (source.blocks - writer.done) / 60:.0f} min left")
    uncertain, unchanged, clumsy = left_out
    note(
        f"{writer.finish():,} of {len(source.order):,} sentences and their transfers in {args.output}; left out "
        f"{'since the last start ' if first else ''}{uncertain:,} of uncertain style, {unchanged:,} that did not "
        f"change, {clumsy:,} whose rewriting is less fluent"
    )
    return 0
