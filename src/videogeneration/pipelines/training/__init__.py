"""Clips become generators: trained with MSE, then against a discriminator."""
