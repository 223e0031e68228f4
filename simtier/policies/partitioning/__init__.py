"""Which layers of a DNN run on which tier."""
