"""Documents -> bytes: page, Markdown, CSV, LaTeX, figures, model cards, the terminal. Never imports torch."""
