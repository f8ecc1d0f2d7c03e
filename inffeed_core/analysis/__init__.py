"""From a model version to its flags, influencers and map, and checks of its scores against refits."""
