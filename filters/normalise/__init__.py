"""Stage `normalise`: one spelling for what looks the same. Off unless a recipe names it."""
