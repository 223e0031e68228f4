"""On which node a new replica starts."""
