"""How many texts a second a trained model rewrites or shortens on this machine.

    python scripts/benchmark_run.py runs/yelp data/yelp/sentiment.dev.0 --to positive
    python scripts/benchmark_run.py news data/sample-news/documents.train.txt --json speed.json

RUN is a run directory or the name of a model that comes with textvae; FILE has a text a line. With --to it transfers
style, without it summarizes. Prints texts/s, from string to string, for each way of searching (the median of
`--windows` passes over the first `--texts` lines), then the milliseconds of one text at a time. Run it on an idle
machine; torch's threads are the cores it uses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from textvae import StyleTransfer, Summarizer
from textvae.allocator import keep_memory
from textvae.experiment.machine import commit, processor
from textvae.files import write_json

TRANSFERS: dict[str, dict[str, Any]] = {"greedy": {"beam": 1, "rerank": False}, "beam 5": {"beam": 5, "rerank": False}}
RERANKED: dict[str, dict[str, Any]] = {"reranked": {"rerank": True}}
SUMMARIES: dict[str, dict[str, Any]] = {
    "greedy": {"words": 8, "beam": 1},
    "beam 5": {"words": 8, "beam": 5},
    "length chosen from 6 to 14": {"words": 14, "min_words": 6, "beam": 1, "choose_length": True},
}


def main(argv: list[str]) -> int:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("file", type=Path)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--to", help="label to transfer to")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args(argv)
    lines = args.file.read_text(encoding="utf-8").splitlines()[: args.texts]
    keep_memory()  # as `textvae transfer` and `textvae summarize` do
    model, rewrite, ways = open_run(args.run, args.to)
    found: dict[str, Any] = {
        "command": " ".join(["benchmark_run.py", *argv]),
        "commit": commit(),
        "processor": processor(),
        "texts": len(lines),
        "words": round(sum(len(line.split()) for line in lines) / len(lines), 1),
        "parameters": sum(p.numel() for p in model.parameters()),
        "threads": torch.get_num_threads(),
        "device": str(next(model.parameters()).device),
    }
    rewrite(lines[:50], beam=1)
    for name, options in ways.items():
        seconds = statistics.median(timed(rewrite, lines, options) for _ in range(args.windows))
        found[f"{name}, texts/s"] = round(len(lines) / seconds, 1)
    found["one text, ms"] = round(1000 * statistics.median(timed(rewrite, lines[0], {}) for _ in range(9)), 1)
    print(json.dumps(found, indent=2))
    if args.json:
        write_json(args.json, found)
    return 0


def open_run(run: str, label: str | None) -> tuple[torch.nn.Module, Callable[..., Any], dict[str, dict[str, Any]]]:
    """The network, how it is called, and the ways of searching."""
    if label is None:
        summarize = Summarizer.from_pretrained(run)
        return summarize.model, summarize, SUMMARIES
    transfer = StyleTransfer.from_pretrained(run)
    reranks = (transfer.beside() / "reranking.json").is_file()
    return transfer.model, partial(transfer, target=label), TRANSFERS | (RERANKED if reranks else {})


def timed(call: Callable[..., Any], texts: Any, options: dict[str, Any]) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    call(texts, **options)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
