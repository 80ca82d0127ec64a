"""The one command: embedded servers, migrations and every process of an installation."""
