//! The command line as a whole.

use clap::CommandFactory;

use crate::Args;
use crate::config::dressed;
use crate::serve_options::ServeOptions;

#[test]
fn the_command_line_is_sound() {
    Args::command().debug_assert();
    dressed(&Default::default()).debug_assert();
}

#[test]
fn a_server_needs_something_to_serve() {
    assert!(ServeOptions::default().plan(0).unwrap_err().to_string().contains("--snapshot"));
}
