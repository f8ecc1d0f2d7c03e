"""From influencers to changes of training labels: methods, proposals, acts."""
