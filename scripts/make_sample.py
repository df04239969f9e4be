"""Write the bundled sample again: `python scripts/make_sample.py [FOLDER]` (default: data/sample).

The text comes from the grammar in `textvae/data/sample_grammar.py`; the same seed gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from textvae.data.sample import write_sample

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    for path in write_sample(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
