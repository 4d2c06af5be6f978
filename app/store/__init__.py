"""SQLite: the only package that knows it."""
