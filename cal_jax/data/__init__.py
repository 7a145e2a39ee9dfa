"""Labelled images, their sources, and data sets drawn from them."""
