"""Lines that do not belong: scores of an autoencoder, thresholds from clean text, and how well they work."""
