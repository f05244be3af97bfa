"""Retrieve: finds what the caller said before, while the call goes on."""
