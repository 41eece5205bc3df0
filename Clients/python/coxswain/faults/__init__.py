"""Drives a real sidecar over real sockets with engines of the model and every fault that the rules speak of."""
