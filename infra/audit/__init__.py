"""The auditors' command: verify the trail, export a month of it, and count accounts by state."""
