"""How long instances of functions take to start: given, drawn from pools, by published quantiles, or as in a trace."""
