"""Write the bundled documents again: `python scripts/make_sample_documents.py [FOLDER]`.

The folder is data/sample-documents by default. The text comes from the grammar in `textvae/data/sample_grammar.py`;
the same seed gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from textvae.data.sample_documents import write_sample_documents

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    for path in write_sample_documents(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-documents"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
