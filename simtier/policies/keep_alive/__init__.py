"""How long instances of functions stay, and when they are started ahead of need."""
