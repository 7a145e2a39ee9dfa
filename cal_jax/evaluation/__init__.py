"""What a trained model is measured by: the oracle classifier and the scores of its labels."""
