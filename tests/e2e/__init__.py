"""The whole system, as people and programs use it."""
