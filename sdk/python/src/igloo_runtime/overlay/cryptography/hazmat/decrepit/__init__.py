"""What was moved away in the package: here it has ciphers only."""
