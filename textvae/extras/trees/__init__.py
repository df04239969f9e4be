"""Trees found without supervision, against known ones."""
