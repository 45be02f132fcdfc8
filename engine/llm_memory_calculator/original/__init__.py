"""The names, arguments and keys of the original, over the same rooms. Nothing imports this."""
