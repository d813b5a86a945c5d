"""The service on one machine: the deployed handlers on an emulated AWS."""
