"""One module for each subcommand of `antiphon`. Each has a function of its own name that typer can run."""
