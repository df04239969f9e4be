"""Write the bundled toy news again: `python scripts/make_documents.py [FOLDER] [--level woven]`.

The text comes from the grammar in `textvae/data/document_grammar.py`; the same seed gives the same bytes. Without a
folder the bundled files, data/sample-news, are written. `woven` is the harder level: what a summary leaves out stands
inside the event's own phrases too, where no comma tells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from textvae.data.document_grammar import WRITERS, write_news

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the bundled toy news again.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "data" / "sample-news")
    parser.add_argument("--level", choices=sorted(WRITERS), default="clauses", help="how hard the documents are")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for path in write_news(options.folder, options.seed, options.level):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
