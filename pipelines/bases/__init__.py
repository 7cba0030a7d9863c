"""The tiny base that ships, and the recipe that makes it again."""
