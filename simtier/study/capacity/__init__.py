"""Capacity: the largest rate that keeps an objective. `search` looks for it, `rates` imposes rates, `found` is what it found."""
