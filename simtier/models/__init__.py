"""Mechanisms: what holds state and takes simulated time. A model asks policies through the contract and never imports one."""
