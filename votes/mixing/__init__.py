"""A mixer's work on files: prepared before the election closes, resumed after a kill, and erased afterwards."""
