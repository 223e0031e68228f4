"""How executions of functions share the cores that were given to them on one node."""
