"""The Lambda layer: what is in it (requirements.txt, requirements.lock) and how it is built (build.py)."""
