"""The problems that suites pose."""
