"""Reads for the pages and reports of this room."""
