"""Flax models whose methods are the callables that objectives take."""
