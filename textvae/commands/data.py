"""`textvae data`: download public data sets, check your own, write the bundled sample."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from textvae.volume import QUIET, Volume, add_volume, set_volume

EPILOG = """exit codes:
  0  done       2  wrong input: files that cannot be read, a checksum that is not the pinned one

examples:
  textvae data download yelp                      # into data/yelp
  textvae data check --data.path reviews/ --data.name sentiment
  textvae data check --data.source jsonl --data.path reviews.jsonl --data.text_column body
  textvae data sample data/sample
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Arguments of the command; `check` has a parser of its own."""
    parser = argparse.ArgumentParser(
        prog=prog, description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    fetch = actions.add_parser("download", help="fetch a public data set: checked, resumed, never half-written")
    fetch.add_argument("name", help="data set: yelp")
    fetch.add_argument("--folder", help="where to put it (default: data/NAME)")
    fetch.add_argument("--base-url", help="a mirror that holds the same files")
    add_volume(fetch)
    actions.add_parser(
        "check", help="read data as a training would and report what is wrong or doubtful", add_help=False
    )
    sample = actions.add_parser("sample", help="write the bundled sample of reviews")
    sample.add_argument("folder")
    sample.add_argument("--seed", type=int, default=0)
    add_volume(sample)
    return parser


def main(argv: list[str], prog: str = "textvae data") -> int:
    """Exit code 0, or 2 where the input is wrong."""
    if argv[:1] == ["check"]:
        return check(argv[1:], f"{prog} check")
    arguments = make_parser(prog).parse_args(argv)
    set_volume(arguments)
    if arguments.action == "sample":
        return write(arguments.folder, arguments.seed)
    return download(arguments.name, arguments.folder, arguments.base_url)


def download(name: str, folder: str | None, base_url: str | None) -> int:
    """Fetch with a progress line on a terminal."""
    from textvae.data.download import download as fetch

    shown = 0.0

    def progress(file: str, done: int, total: int | None) -> None:
        nonlocal shown
        if Volume.level > QUIET and sys.stderr.isatty() and (time.monotonic() - shown > 0.1 or done == total):
            shown = time.monotonic()
            share = f"{done / total:4.0%}" if total else f"{done / 1e6:.1f} MB"
            print(f"\r{file}  {share} ", end="\n" if done == total else "", file=sys.stderr, flush=True)

    fetch(name, folder or f"data/{name}", base_url, progress)
    return 0


def make_check_parser(prog: str) -> Any:
    """Options of `textvae data check`: those of a training that decide its data."""
    import jsonargparse

    from textvae.config.parsing import Formatter
    from textvae.data.config import DataConfig
    from textvae.text import TextConfig

    jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = jsonargparse.ArgumentParser(
        prog=prog, description="Load a corpus, print its report.", epilog=EPILOG, formatter_class=Formatter
    )
    parser.add_argument("--data", type=DataConfig, default=DataConfig())
    parser.add_argument("--text", type=TextConfig, default=TextConfig())
    parser.add_argument("--cache", type=str, help="folder of prepared data")
    add_volume(parser)
    return parser


def check(argv: list[str], prog: str) -> int:
    """Load a corpus, print its report."""
    from textvae.config.style_transfer import ExperimentConfig
    from textvae.data.sources import load_corpus
    from textvae.experiment.runs import cache_folder

    parser = make_check_parser(prog)
    built = parser.instantiate_classes(parser.parse_args(argv))
    set_volume(built)
    corpus = load_corpus(built.data, built.text, cache_folder(ExperimentConfig(cache=built.cache)))
    print(corpus.report)
    return 0


def write(folder: str, seed: int) -> int:
    """The sample, as it is bundled for seed 0."""
    from textvae.data.sample import write_sample

    for path in write_sample(Path(folder), seed):
        print(path)
    return 0
