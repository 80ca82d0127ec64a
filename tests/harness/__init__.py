"""What tests stand on: servers, databases, clients, a browser. Fixtures are in tests/conftest.py."""
