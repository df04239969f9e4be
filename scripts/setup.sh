#!/usr/bin/env bash
# Virtual environment for development: a torch that fits the machine, then this package with its extras.
# An installed torch is left alone; without a GPU the CPU build is taken, since the default one pulls gigabytes of CUDA.
set -euo pipefail
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
TORCH=${TORCH:-2.13.0}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "textvae needs Python 3.11 or newer; $PYTHON is $("$PYTHON" --version). Set PYTHON=/path/to/python3.11" >&2
  exit 2
}
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }
if ! "$VENV/bin/python" -c 'import torch' 2>/dev/null; then
  # Without a GPU, TORCH_INDEX_URL can name the index of CPU builds (see torch's installation page); a CPU wheel that
  # pip already finds, in a local wheel folder say, is taken as it is.
  gpu=false
  if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then gpu=true; fi
  if [ "$gpu" = false ] && [ -n "${TORCH_INDEX_URL:-}" ]; then
    pip install "torch==$TORCH" --index-url "$TORCH_INDEX_URL"
  else
    pip install "torch==$TORCH"
  fi
fi
pip install -e '.[dev]'
echo "ready: $VENV ($("$VENV/bin/python" -c 'import torch; print("torch", torch.__version__)'))"
