"""Client side of LiveQueue: report a job from Python, or run any command and have it watched."""

__version__ = "0.1.0"
