//! Compose files in, Rancher services out; pure. No IO: files are read through a caller-given loader.
