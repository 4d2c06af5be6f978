"""Measures LiveQueue against other ways to do the same, side by side: ``python -m bench``."""
