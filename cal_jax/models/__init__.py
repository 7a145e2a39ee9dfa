"""Flax models whose methods serve as the callables that objectives ask for."""
