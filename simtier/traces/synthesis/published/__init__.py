"""Parameters for the look-alikes of the public traces, fitted to published figures; each states its source."""
