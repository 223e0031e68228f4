"""Whether a request may enter a service."""
