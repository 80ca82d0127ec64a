"""The six reports of an automation project. Each is one `Document`, made by one query module; page, PDF, CSV, Excel and JSON draw it."""
