"""Signed tokens: a login token in, a pass out."""
