"""history: the stream EVENTS, copied into PostgreSQL for ever, hash-chained. Owns schema `log`."""
