"""What a rehearsal on one machine cannot show."""

OF_THE_REHEARSAL = [
    "IAM: the emulator lets everybody do everything. The roles are proved in tests/permissions.",
    "Quotas, throttles and cold starts at the size of a market's open.",
    "The real gateway: its routes and answers are played here as they were deployed, by another.",
    "What firewall, throttle and access log do: the emulator has none. Nor has it names of one's own.",
    "EventBridge's clock and CloudWatch's alarms: nothing sets them off here.",
    "Lambda's own machine: the runtime client is Amazon's, the sandbox around it is this machine.",
]
"""Said at the end of each rehearsal."""
