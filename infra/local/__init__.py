"""Serves the deployed handlers on one machine, on an emulated AWS."""
