"""The steps of a deployment, each safe to take again."""
