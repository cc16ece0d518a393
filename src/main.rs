//! The one binary. Reads the command line, installs the TLS provider and the log, and hands over to `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // ring and aws-lc-rs may both be in the tree: name one before anything opens a connection.
    let provider = cplds::cli::install_tls();
    if let Err(sentence) = provider {
        eprintln!("cplds : {sentence}");
        return ExitCode::FAILURE;
    }
    cplds::cli::run()
}
