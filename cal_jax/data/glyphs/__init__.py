"""Data of typefaces: letters of fonts as grey images, with the factors of their faces."""
