"""Which waiting requests run together next."""
