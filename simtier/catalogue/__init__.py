"""Hardware and neural networks that scenarios name, each with the source of its numbers."""
