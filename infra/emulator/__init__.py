"""An emulated AWS: moto, and what it lacks for this project. Nothing that is deployed imports it."""
