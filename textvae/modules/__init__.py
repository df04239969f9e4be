"""Networks only: no loss, no input or output of files."""
