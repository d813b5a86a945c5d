"""An emulated AWS: moto with the behaviour that it lacks. Nothing that is deployed imports it."""
