//! Seeded worlds of a real distribution's shape, for the demo, tests and benches.
