"""Key agreement and signatures."""
