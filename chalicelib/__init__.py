"""The service behind the second factor: binding, verifying and unbinding TOTP authenticators."""
