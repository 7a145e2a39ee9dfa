"""Components of models: frozen dataclasses that validate themselves and build networks."""
