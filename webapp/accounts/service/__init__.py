"""The writes of accounts, by what they write."""
