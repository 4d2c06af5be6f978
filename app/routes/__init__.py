"""HTTP: decode, call the store, answer."""
