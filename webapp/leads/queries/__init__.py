"""Reads for the pages of leads and lists."""
