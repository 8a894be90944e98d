"""`beamsift report`: one HTML file that shows a result to people who decide on its thresholds."""
