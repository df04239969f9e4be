"""`textvae detect`: lines that do not belong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from textvae.commands import streams
from textvae.commands.latent_uses import RAW, WRONG, file_lines, load_space, opened, progress, put
from textvae.commands.streams import EXIT_CODES
from textvae.errors import UserError
from textvae.volume import add_volume

if TYPE_CHECKING:
    from textvae.extras.detection.detector import Detector
    from textvae.inference.latents.space import LatentSpace

DESCRIPTION = """\
Find text that is unlike the clean text that a detector was fitted to. `fit` stores a detector beside the model;
`score` gives a line for every line: 1 where it is flagged, its score, its p-value (how often clean text scores as
high), and the text. The threshold comes from clean lines that nothing else was fitted to, so about --false-alarms
of clean text is flagged. With --labels (1 for foreign, 0 for clean) AUROC, AUPR and FPR95 of every score follow on
standard error. Scores: nll and elbo per token, kl, mahalanobis and knn of the vector, ratio to a background language
model. A model whose decoder looks back at the sentence has kl, mahalanobis and knn alone.
In Python: Detector.fit(LatentSpace.from_pretrained(RUN), lines)."""

EPILOG = f"""\
{EXIT_CODES.format(wrong=WRONG + ", no detector")}

examples:
  textvae detect fit runs/yelp --clean clean.txt
  textvae detect score runs/yelp new.txt --score mahalanobis --false-alarms 0.01 --output flagged.tsv
  textvae detect score runs/yelp test.txt --labels truth.txt --json"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=RAW)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    fit = actions.add_parser("fit", help="fit a detector to clean text")
    score = actions.add_parser("score", help="score and flag text")
    for action in (fit, score):
        action.add_argument("run", metavar="RUN", help="run directory of a training, or a model folder inside it")
        action.add_argument(
            "--detector", metavar="FOLDER", type=Path, help="where it is kept (default: with the model)"
        )
        streams.add_computing(action, "not used here")
        add_volume(action)
    add_fit(fit)
    add_score(score)
    return parser


def add_fit(parser: argparse.ArgumentParser) -> None:
    """Arguments of `fit`."""
    add = parser.add_argument
    add("--clean", metavar="FILE", action="append", required=True, help="clean text, one text a line")
    add("--background", metavar="FILE", help="other text, for ratio (default: the clean text with words replaced)")
    add("--neighbours", type=int, default=10, metavar="K", help="of knn (default 10)")
    add("--held-out", type=float, default=0.3, metavar="X", help="share of the clean text for thresholds (default 0.3)")
    add("--seed", type=int, default=0, metavar="N", help="of the split, the replaced words and the samples (default 0)")


def add_score(parser: argparse.ArgumentParser) -> None:
    """Arguments of `score`."""
    add = parser.add_argument
    add("files", metavar="FILE", nargs="*", help="text files, one text a line; - or nothing is standard input")
    add(
        "--score",
        default="knn",
        metavar="NAME",
        help="that flags: nll, elbo, kl, mahalanobis, knn, ratio (default knn)",
    )
    add("--false-alarms", type=float, default=0.05, metavar="A", help="share of clean text flagged (default 0.05)")
    add("--labels", metavar="FILE", help="0 or 1 for every line, 1 for foreign text")
    add("--output", "-o", metavar="FILE", type=Path, help="write here, whole or not at all (default: standard output)")
    add("--json", action="store_true", help="one JSON object a line: input, flag, all scores and p-values")


def main(argv: list[str], prog: str = "textvae detect") -> int:
    """Parse and run; returns the exit code."""
    args = make_parser(prog).parse_args(argv)
    return streams.guarded(prog, args, lambda: fit(args) if args.action == "fit" else score(args))


def folder_of(args: argparse.Namespace, space: LatentSpace) -> Path:
    """Where the detector is kept."""
    from textvae.extras.detection.detector import FOLDER

    if args.detector is not None:
        return Path(args.detector)
    assert space.folder is not None
    return space.folder / FOLDER


def fit(args: argparse.Namespace) -> int:
    """Make a detector."""
    from textvae.extras.detection.detector import Detector, DetectorSettings

    settings = DetectorSettings(neighbours=args.neighbours, held_out=args.held_out, seed=args.seed)
    streams.check_files([*args.clean, *([args.background] if args.background else [])])
    space = load_space(args)
    with progress("clean lines") as shown:
        background = file_lines([args.background]) if args.background else None
        found = Detector.fit(space, shown.over(file_lines(args.clean)), settings, background)
    found.save(folder_of(args, space))
    print(f"stored in {folder_of(args, space)}; thresholds at a false alarm rate of 0.05:")
    for name in found.scores:
        print(f"  {name:12} {limit(found, name)}")
    return 0


def limit(detector: Detector, name: str) -> str:
    """A threshold for people."""
    try:
        return f"{detector.threshold(name, 0.05):.4f}"
    except UserError:
        return "too few clean lines"


def score(args: argparse.Namespace) -> int:
    """Score and flag."""
    from textvae.extras.detection.detector import Detector

    streams.check_files([*args.files, *([args.labels] if args.labels else [])])
    truth = None if args.labels is None else [as_truth(line, args.labels) for line in file_lines([args.labels])]
    space = load_space(args)
    detector = Detector.load(space, folder_of(args, space))
    bar = detector.threshold(args.score, args.false_alarms)
    kept: dict[str, list[float]] = {name: [] for name in detector.scores}
    with opened(args.output) as out, progress("lines") as shown:
        put(out, answers(args, detector, bar, shown.over(file_lines(args.files)), None if truth is None else kept))
        if truth is not None and len(kept[args.score]) != len(truth):
            raise UserError(f"{args.labels} has {len(truth)} labels for {len(kept[args.score])} lines; give one a line")
    if truth is not None:
        report(args, kept, truth)
    return 0


def answers(
    args: argparse.Namespace, detector: Detector, bar: float, lines: Iterator[str], kept: dict[str, list[float]] | None
) -> Iterator[str]:
    """A line of output for every line; kept: where scores are collected for the labels."""
    for line, verdict in detector.stream(lines):
        flag = verdict.scores[args.score] > bar
        for name, values in (kept or {}).items():
            values.append(verdict.scores[name])
        if args.json:
            tables = {
                "scores": {name: round(value, 4) for name, value in verdict.scores.items()},
                "p_values": {name: round(value, 6) for name, value in verdict.p_values.items()},
            }
            yield json.dumps({"input": line, "flag": flag, **tables}, ensure_ascii=False)
        else:
            yield f"{int(flag)}\t{verdict.scores[args.score]:.4f}\t{verdict.p_values[args.score]:.4g}\t{line}"


def as_truth(line: str, name: str) -> bool:
    """0 or 1."""
    if line.strip() not in ("0", "1"):
        raise UserError(f"{name}: a label is 0 (clean) or 1 (foreign), not {line!r}")
    return line.strip() == "1"


def report(args: argparse.Namespace, kept: dict[str, list[float]], truth: list[bool]) -> None:
    """Quality of every score, on standard error."""
    import numpy as np

    from textvae.extras.detection.metrics import quality

    found = {name: quality(np.array(values), np.array(truth)) for name, values in kept.items()}
    if args.json:
        rows = {name: {k: round(v, 4) for k, v in vars(q).items()} for name, q in found.items()}
        print(json.dumps(rows), file=sys.stderr)
        return
    print(f"{'':12} AUROC   AUPR  FPR95", file=sys.stderr)
    for name, q in found.items():
        print(f"{name:12} {100 * q.auroc:5.1f}  {100 * q.aupr:5.1f}  {100 * q.fpr95:5.1f}", file=sys.stderr)
