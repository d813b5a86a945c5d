"""What tests share: a clock, users and phones, the wire to AWS, the log, and the emulated AWS."""
