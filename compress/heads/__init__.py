"""What depends on the head of a model: one HeadSpec each, found in `table.HEADS`; no one else compares names."""
