"""Checks: a policy against a baseline of its own, kept beside it: `guard` plays and judges, `rules` decide, `baseline` is the file."""
