"""How a latent space is used: likelihood, rate, distortion, mutual information, active units, codes, collapse."""
