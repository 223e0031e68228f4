"""Keeping rows of servers within their power."""
