"""Lexicon and grammar of six languages in five scripts, written by hand: abstract meanings in, tagged words out."""
