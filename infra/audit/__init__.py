"""What the auditors' command does: check the trail, and export it."""
