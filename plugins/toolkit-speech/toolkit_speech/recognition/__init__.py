"""Tasks that write down what was said, and what they decode, align and measure with."""
