"""How the package reaches the native library: declarations, loading, handles, interruptible waiting."""
