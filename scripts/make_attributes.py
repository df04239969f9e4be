"""Write the sample with two attributes, sentiment and tense: `python scripts/make_attributes.py [FOLDER]`.

The default is data/sample-attributes, where configs/toy/attributes.yaml looks for it.
The same seed gives the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from textvae.data.sample_attributes import write_attribute_sample

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    for path in write_attribute_sample(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data" / "sample-attributes"):
        print(f"{path.stat().st_size:>9,} bytes  {path}")
