"""`make bench`: the program beside its floor, in one run, as ratios."""
