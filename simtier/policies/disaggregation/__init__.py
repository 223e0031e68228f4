"""Which pools serve a request of a language model."""
