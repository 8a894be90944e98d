"""Quality rules of the standard recipes: text statistics, the rules that judge them, rewrites of lines."""
