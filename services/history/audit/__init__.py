"""What an auditor does with the log: verify all of it, and prove one session to somebody without access."""
