"""The network check: from what was measured to what it means and what to do.

Page and terminal only measure; what they show is decided here, so that they agree.
"""
