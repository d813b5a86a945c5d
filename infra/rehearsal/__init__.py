"""The rehearsal: the deployment as it is, against an emulated AWS, and what it deployed, run."""
