//! Durable transitions: what a process is, its steps, and the runner that carries them out.
