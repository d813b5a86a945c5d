"""The support functions: read an event, act on the binding, answer."""
