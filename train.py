"""`accelerate launch train.py`: train on Yelp sentiment; `--config FILE` and dotted options change anything."""

from __future__ import annotations

import sys
from pathlib import Path

from textvae.commands.train import main

if __name__ == "__main__":
    default = Path(__file__).parent / "configs" / "yelp" / "style_content_vae.yaml"
    sys.exit(main(sys.argv[1:], default_config=default, prog="train.py"))
