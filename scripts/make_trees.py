"""Write the bundled sentences with trees again: `python scripts/make_trees.py [FOLDER]` (default: data/sample-trees).

They come from the grammar in `textvae/data/trees/grammar.py`; the same seed gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from textvae.data.trees.grammar import write_trees

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    for path in write_trees(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-trees"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
