"""Taking what was said out of the log: who orders it, what it is about, and where else it has to go from."""
