"""What a silver label is worth: the noise of its source, the posterior of the true label, what to teach about it."""
