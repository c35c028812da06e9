"""The cloud on one machine: what `make run` starts. Nothing in here is deployed."""
