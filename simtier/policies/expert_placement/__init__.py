"""Which accelerators hold which experts."""
