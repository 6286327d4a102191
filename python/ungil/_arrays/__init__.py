"""Arrays and C functions of any library, as addresses."""
