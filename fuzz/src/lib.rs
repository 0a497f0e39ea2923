//! Fuzz targets for every parser, with their corpus.
