"""Translation: pairs of texts, models from one to the other, and the task that trains, decodes and measures them."""
