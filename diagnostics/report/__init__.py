"""The report contract: writing and reading it, taking the person out of it, working it out again, drawing it.

``contract`` dump, load · ``redaction`` redacted · ``replay`` replay · ``html`` render_html (needs texts: see
``app/report_view.py``).  Import from the modules: each brings only what it needs.
"""
