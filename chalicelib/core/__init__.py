"""The rules, pure: no AWS, no clock, no randomness, no Chalice. Times are whole Unix seconds."""
