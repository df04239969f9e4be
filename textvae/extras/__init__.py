"""Tools and tasks that the core does without: it names them as strings, in `textvae.registry`, and imports none."""
