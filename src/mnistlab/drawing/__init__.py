"""Try it: a window to draw in, what models say of a drawing, and why."""
