"""What people may ask of a migration, said once: the HTTP API and the console both call these functions.

They check what was asked, pass the gates and change or start something; they know neither HTTP nor HTML. Refusals are
``StepError`` and ``GateClosed``.
"""
