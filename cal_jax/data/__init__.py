"""Images with labels, where they come from, and the data sets drawn from them."""
