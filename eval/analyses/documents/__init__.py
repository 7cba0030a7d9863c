"""The documents that analyses give, as they are kept in files: versioned types, and the one reader of each.

A field says what it holds where it is declared; `xpareto schema --of NAME` prints a document's JSON Schema.
"""
