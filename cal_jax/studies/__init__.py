"""What experiments are made of: configs, training, evaluation; the programs are thin."""
