# Ends a library with a hash of all before it, so that a copy which lost or changed bytes is not loaded: the system's loader
# trusts what it maps, and the process would end by a signal. LibrarySeal.java reads it; the loader skips it.
file(SHA256 ${LIBRARY} hash)
file(APPEND ${LIBRARY} "maque-sha256:${hash}")
