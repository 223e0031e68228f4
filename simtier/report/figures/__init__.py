"""The page's figures: each a function of plain data that returns an SVG. Matplotlib without pyplot, so nothing is global."""
