"""The tiny base that ships: its checkpoint (embedded/), the fields it was made by, and what makes it again."""
