"""The live event path from the hub to the client."""
