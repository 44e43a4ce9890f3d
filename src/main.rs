//! The `ranchette` binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ranchette::cli::main()
}
