//! Compose files into services (filled in with the compose layer).
