def extend(engine): pass
