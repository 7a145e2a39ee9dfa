"""Records of runs, joined results, and the tables of the documentation."""
