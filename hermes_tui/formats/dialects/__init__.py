"""The messages of an API or agent, as several formats have them."""
