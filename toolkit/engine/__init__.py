"""The engine: from built objects to a trained model, with Lightning at work. Nothing is imported here."""
