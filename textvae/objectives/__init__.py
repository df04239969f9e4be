"""Pure functions with the papers' names. They read outputs, never a model."""
