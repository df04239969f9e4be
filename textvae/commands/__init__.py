"""The subcommands of `textvae`, a module each: `main(argv, prog) -> exit code`."""
