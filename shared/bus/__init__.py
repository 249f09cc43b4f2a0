"""NATS and JetStream as Antiphon uses them. The names on the bus are in `shared.subjects`."""
