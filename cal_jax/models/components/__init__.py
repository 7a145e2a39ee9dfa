"""Components of models: frozen dataclasses that check themselves and build networks."""
