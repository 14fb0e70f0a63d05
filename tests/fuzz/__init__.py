"""The standing fuzz: every route and every parser, against what nobody who means well would send."""
