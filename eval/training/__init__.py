"""The catalogue of training sets: one file per entry; each holds its object as the constant TRAINING."""
