"""The form engine: a page in, an outcome out. It knows Playwright, nothing of Flask or the database."""
