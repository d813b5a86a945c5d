"""Shared by tests: clocks, users, phones, support staff, the running stack and other programs."""
