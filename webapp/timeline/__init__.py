"""Every contact with a lead, in order, and the guard that all new contacts pass."""
