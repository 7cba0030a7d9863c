"""Scores of predictions against gold, as the official scripts compute them; pure functions."""
