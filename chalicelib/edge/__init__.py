"""What the outside sees: requests, login tokens, passes, QR codes, problems."""
