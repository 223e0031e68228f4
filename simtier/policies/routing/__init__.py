"""Which replica of a service gets a request."""
