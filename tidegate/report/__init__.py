"""What people read: one fold to facts (`facts`), and renderers that use only these: HTML, Markdown, pages, status."""
