"""Benchmark programs, not collected by pytest."""
