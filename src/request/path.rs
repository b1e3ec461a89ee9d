//! The path of a request in canonical form.
