"""Figures: grids of images, curves, scatter plots."""
