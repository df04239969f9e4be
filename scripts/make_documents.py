"""Write the bundled toy news again: `python scripts/make_documents.py [FOLDER]` (default: data/sample-news).

The text comes from the grammar in `textvae/data/document_grammar.py`; the same seed gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from textvae.data.document_grammar import write_news

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    for path in write_news(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-news"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
