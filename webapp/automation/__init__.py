"""Automation projects: dealerships reached through the contact forms of their own websites, with proof."""
