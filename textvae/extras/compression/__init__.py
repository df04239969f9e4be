"""Text to fewer bytes and back: without loss under the model's probabilities, or with loss as quantised latents."""
