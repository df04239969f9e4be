"""The web demo: what it answers (no gradio needed), and the page around it."""
