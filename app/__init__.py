"""LiveQueue: a live dashboard and queue for background tasks, without WebSockets."""

__version__ = "0.1.0"
