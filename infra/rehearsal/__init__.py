"""The whole life of a stage on one machine, on an emulator that is not the project's own."""
