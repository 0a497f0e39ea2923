//! What a worker runs: this very binary again, or another program.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program and its arguments. Its environment is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) pipes_only: bool,
}

impl Program {
    /// This binary again, whatever its file is called by now. Its `main` is to look for the
    /// arguments before anything else, and to call [`serve`](fn@crate::serve).
    pub fn itself<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Program {
        Program::new("/proc/self/exe", arguments)
    }

    /// A program that calls [`serve`](fn@crate::serve).
    pub fn new<A: Into<OsString>>(
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Program {
        Program {
            path: path.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            pipes_only: false,
        }
    }

    /// A program in any language that speaks the frames of [`guide`](crate::guide) on its
    /// standard input and output. It is not offered shared memory; it reports itself what
    /// sandbox it has, and none is the honest answer of most.
    pub fn foreign<A: Into<OsString>>(
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Program {
        Program { pipes_only: true, ..Program::new(path, arguments) }
    }

    /// Adds a variable to the environment, which is empty otherwise.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Program {
        self.environment.push((name.into(), value.into()));
        self
    }
}
