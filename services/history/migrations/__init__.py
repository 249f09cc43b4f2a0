"""Alembic scripts of schema `log`."""
