"""`textvae report`: a run, or several side by side, as one page."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from textvae.volume import add_volume, note, set_volume

DESCRIPTION = """\
Write one HTML page about a run, or about several side by side: facts, each objective's equation beside
its last number, curves of objectives, dev metrics, gradients and schedules, what `textvae evaluate`
measured with its intervals, maps of the latent spaces, rewritings and interpolations (style transfer),
alarms, LEAD at every length and summaries (summarizers). The page needs no network. It can be made
while the run is training. What is missing (no model yet, data moved) is said in the page."""

EPILOG = """\
exit codes:
  0  done       2  wrong input: a folder that is no run, a file that cannot be written

examples:
  textvae report runs/yelp                                # writes runs/yelp/report.html
  textvae report runs/yelp runs/paper_vae --output both.html
  textvae report runs/yelp --figures figures              # also as PNG and SVG, for a paper
  textvae report runs/yelp --quick                        # seconds: no model is loaded

Needs matplotlib: pip install 'textvae[report]'. With a model, a page takes about half a minute, most of it
t-SNE's; fewer --sentences are faster."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog=prog, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", type=Path, help="run directories")
    add(
        "--output", "-o", metavar="FILE", type=Path, help="the page (default: RUN/report.html, report.html for several)"
    )
    add("--figures", metavar="DIR", type=Path, help="write every figure as PNG and SVG too")
    add("--sentences", metavar="N", type=int, default=1000, help="dev sentences on the maps; 0: no maps (default 1000)")
    add("--data", metavar="DIR", help="where the sentences of the runs lie now, if they were moved (style transfer)")
    add("--quick", action="store_true", help="load no model: no maps and nothing that a model writes")
    add_volume(parser)
    return parser


def main(argv: list[str], prog: str = "textvae report") -> int:
    """Exit code 0; UserError where the input is wrong."""
    from textvae.errors import UserError
    from textvae.extras.report.records import read_run
    from textvae.files import atomic_write

    args = make_parser(prog).parse_args(argv)
    set_volume(args)
    if args.sentences < 0:
        raise UserError(f"--sentences must not be negative, as {args.sentences} is")
    output = args.output or (args.runs[0] / "report.html" if len(args.runs) == 1 else Path("report.html"))
    if output.is_dir():
        raise UserError(f"{output} is a folder; name the file to write")
    records = [read_run(run) for run in args.runs]

    def tell(text: str) -> None:
        note(f"{time.perf_counter() - began:5.1f} s  {text}")

    began = time.perf_counter()
    from textvae.extras.report.page import PageOptions, build_page

    page = build_page(records, PageOptions(args.sentences, not args.quick, args.data, args.figures), tell)
    try:
        with atomic_write(output) as handle:
            handle.write(page)
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror or error}") from error
    if not args.quiet:
        print(f"{output} ({len(page.encode()) / 1e6:.1f} MB)")
    return 0
