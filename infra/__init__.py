"""What is around the service: its resources, its deployment, and its life on one machine."""
