"""Shared by several experiments: runs, image sets, reports."""
