"""Pure rules: `decide_*(task, command, now, clock) -> Decision`. No I/O, no clock of their own.

They need the current row, so the store runs them inside the batch, on the database thread.
"""
