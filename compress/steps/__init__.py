"""The catalogue of steps: one file per entry; each holds its object as the constant STEP."""
