"""The surroundings of the service: its resources, its deployment, and the local stack."""
