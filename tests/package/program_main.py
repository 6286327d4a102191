"""Its `__main__` has no names of its own: those of the programs that program_server runs here are all there is."""

__import__("program_server").main()
