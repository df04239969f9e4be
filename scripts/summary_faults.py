"""What is wrong with summaries, by rules alone: numbers, new words and placeholders that the document lacks, open ends.

    python scripts/summary_faults.py documents.txt summaries.txt
    textvae summarize news documents.txt | python scripts/summary_faults.py documents.txt -

A document and a summary of it a line. Prints how many summaries have each fault and, with --examples N, N of each; exit
code 1 where one has a fault that no summary may have (`textvae.inference.compressions.FORBIDDEN`).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from textvae.inference.compressions import FORBIDDEN, Sentence
from textvae.text import TextConfig, prepare


def main(argv: list[str]) -> int:
    """Count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("summaries", help="file, or - for standard input")
    parser.add_argument("--headline", action="store_true", help="articles and forms of be may be left out")
    parser.add_argument("--examples", type=int, default=0)
    args = parser.parse_args(argv)
    documents = args.documents.read_text(encoding="utf-8").split("\n")[:-1]
    text = sys.stdin.read() if args.summaries == "-" else Path(args.summaries).read_text(encoding="utf-8")
    summaries = text.split("\n")[:-1]
    if len(documents) != len(summaries):
        parser.error(f"{len(documents)} documents, but {len(summaries)} summaries")
    found = faults(documents, summaries, args.headline)
    whole = sum(a.strip() == b.strip() for a, b in zip(documents, summaries, strict=True))
    print(f"{len(summaries)} summaries, {whole} of them the whole document")
    for fault in sorted({*FORBIDDEN, *found}, key=lambda name: (name not in FORBIDDEN, name)):
        print(f"{len(found[fault]):6}  {fault}" + ("  (never)" if fault in FORBIDDEN else ""))
        for place in found[fault][: args.examples]:
            print(f"          {summaries[place]}")
    return int(any(found[fault] for fault in FORBIDDEN))


def faults(documents: list[str], summaries: list[str], headline: bool) -> dict[str, list[int]]:
    """Numbers of the summaries with each fault; a document that came back whole has none."""
    found: dict[str, list[int]] = defaultdict(list)
    for place, (document, summary) in enumerate(zip(documents, summaries, strict=True)):
        words = prepare(summary).split()
        source = Sentence(tuple(prepare(document, TextConfig(lowercase=False)).split()), headline)
        if words and tuple(words) != source.lower:
            for fault in set(source.faults(words, source.align(words))):
                found[fault].append(place)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
