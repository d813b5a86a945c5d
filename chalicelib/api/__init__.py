"""The HTTP API for clients: requests, answers, errors and QR codes."""
