"""Do the scores come true? Against real refits and retrainings."""
