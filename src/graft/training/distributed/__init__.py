"""One training in several processes, on one host or several.

`meeting` says who takes part, `launch` starts them from the run, `worker` is what each of them
does, `group` what they ask of each other in every step, `line` and `watching` how the run sees it.
"""
