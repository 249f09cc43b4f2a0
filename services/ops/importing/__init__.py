"""Moving in: another system's conversations become events with their own times and authors, once.

`old` is what every source is read into, `events` what becomes of it (pure), `sources` read the known layouts, `target`
publishes, `report` compares both sides.
"""
