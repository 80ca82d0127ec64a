"""Every part of the interface in every state, for looking at; there is none in production."""
