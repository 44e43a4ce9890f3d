//! HTTP: URL table, generic handlers, rendering, dialects and websockets. The only layer that knows actix.
