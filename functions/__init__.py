"""The doors: parse, call shared, shape the answer. No decision is taken here.

Heavy imports stand inside the functions: the host indexes every module at each cold start, and each
function runs on instances of its own.
"""
