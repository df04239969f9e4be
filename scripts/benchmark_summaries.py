"""How many documents a second a summarizer shortens on this machine.

    python scripts/benchmark_summaries.py runs/news documents.txt
    python scripts/benchmark_summaries.py news data/sample-news/documents.train.txt --json speed.json

RUN is a run directory or the name of a model that comes with textvae; FILE has a document a line. Prints documents/s
greedy, with beam 5 and with the length left to the model, each the median of `--windows` runs over `--documents` of
them, then the milliseconds of one document at a time. Run it on an idle machine; torch's threads are the cores it uses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

from textvae import Summarizer
from textvae.files import write_json

WAYS = {
    "greedy": {"words": 8, "beam": 1},
    "beam 5": {"words": 8, "beam": 5},
    "length chosen from 6 to 14": {"words": 14, "min_words": 6, "beam": 1, "choose_length": True},
}


def main(argv: list[str]) -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("file", type=Path)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args(argv)
    lines = args.file.read_text(encoding="utf-8").splitlines()[: args.documents]
    summarize = Summarizer.from_pretrained(args.run)
    found: dict[str, object] = {
        "documents": len(lines),
        "words": round(sum(len(line.split()) for line in lines) / len(lines), 1),
        "parameters": sum(p.numel() for p in summarize.model.generator.parameters()),
        "threads": torch.get_num_threads(),
        "device": str(summarize.model.device),
    }
    summarize(lines[:50], beam=1)
    for name, options in WAYS.items():
        seconds = statistics.median(timed(lambda o=options: summarize(lines, **o)) for _ in range(args.windows))
        found[f"{name}, documents/s"] = round(len(lines) / seconds, 1)
    found["one document, ms"] = round(1000 * statistics.median(timed(lambda: summarize(lines[0])) for _ in range(9)), 1)
    print(json.dumps(found, indent=2))
    if args.json:
        write_json(args.json, found)
    return 0


def timed(call: object) -> float:
    """Seconds of a call."""
    assert callable(call)
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
