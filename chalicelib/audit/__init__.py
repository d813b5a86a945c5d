"""The audit trail: a stream record in, an audit row and a notification out."""
