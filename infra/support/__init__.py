"""The support desk's command: invokes the support functions of a stage and prints the outcome."""
