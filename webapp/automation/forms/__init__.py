"""What people type about projects, contact requests, dealerships and settings."""
