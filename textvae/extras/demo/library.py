"""gradio, told to send nothing home before it is imported. Only the modules that lay out the page need it."""

from __future__ import annotations

import os

from textvae.errors import UserError

QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Read by gradio when it is imported."""

os.environ.update(QUIET)
try:
    import gradio as gr
except ImportError as error:
    raise UserError("gradio is not installed: pip install 'textvae[demo]'") from error

__all__ = ["gr"]
