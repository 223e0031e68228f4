"""What fields do to metrics: main effects, pairs, the Pareto front, from the table of a study; `measured` prepares it, `analysis` is the whole."""
