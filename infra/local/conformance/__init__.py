"""Checks that a stack answers as docs/clients.md promises."""
