"""What people look at: contact sheets, films, plots, tables."""
