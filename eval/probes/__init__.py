"""The catalogue of probes: one file per entry; each holds its object as the constant PROBE."""
