"""Decisions and facts as people and programs are shown them: one form for the API and the command line."""
