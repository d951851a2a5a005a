"""Old modes of ciphers."""
