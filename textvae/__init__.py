"""textvae: latent-variable models of text."""
