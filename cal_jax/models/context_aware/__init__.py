"""The context-aware learner (thesis chapter 6)."""
