"""What a run draws: a canvas, kinds of figures, and the figures of each experiment."""
