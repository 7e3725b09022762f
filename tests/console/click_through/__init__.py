"""A whole migration in a real browser, from its creation to its rollback; axe on every page; pictures for the docs.

One story in order, through the files by their names: each test goes on where the one before it stopped, in one system and
one browser.
"""
