"""From a model version to its flags, influencers and map, and the checks of whether scores come true."""
