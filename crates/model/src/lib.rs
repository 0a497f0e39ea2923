//! The words of a mirror network: hosts, mirrors, directories, repositories, countries, the world.
