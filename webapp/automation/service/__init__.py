"""The verbs of this room; every write passes here."""
