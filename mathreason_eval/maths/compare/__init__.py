"""Is this tree that tree?"""
