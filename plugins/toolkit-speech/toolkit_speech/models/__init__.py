"""Models that hear: keyword spotters, and those that write down what was said."""
