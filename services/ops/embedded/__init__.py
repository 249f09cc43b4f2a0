"""Real NATS and PostgreSQL from their wheels, as child processes on the loopback interface."""
