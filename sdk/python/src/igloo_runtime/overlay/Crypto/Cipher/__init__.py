"""Ciphers: AES only."""
