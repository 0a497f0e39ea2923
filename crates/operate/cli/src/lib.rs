//! The command line: arguments to calls, and what comes back to words.
