"""Where work runs besides this process.

`ray.Pool` hands pieces of work to processes on a Ray cluster; `launched` is for processes that a
launcher started to train together. Nothing here knows what the work is: translation, prediction and
studies bring a worker (a class or function at the top of a module) and pieces (its arguments).
"""
