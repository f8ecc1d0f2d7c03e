"""Which silver texts to check first and why: policies, the signals they read, the reasons they give. Pure functions."""
