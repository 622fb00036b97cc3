"""What a user will do with what is shown: clicks, purchases, ratings. Imports nothing."""
