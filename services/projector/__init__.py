"""projector: the log, folded into tables that people and services query. Owns schema `read_v<N>`."""
