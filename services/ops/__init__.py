"""The `antiphon` command: starts, watches, stops and examines a whole system on one machine."""
