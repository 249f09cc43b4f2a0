"""What events change in the read models, as pure functions: the projector does it in tables, the past and a gateway
without a projector in memory. `changes` says what, `folding` carries it out on rows, `shapes` is what callers get.
"""
