"""Serving of large language models: what an iteration takes, where keys and values are kept, which sequences run together."""
