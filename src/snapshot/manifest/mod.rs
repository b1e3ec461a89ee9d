//! Objects from files: a folder of YAML or JSON manifests.
//!
//! [`document`] finds the documents of a file, [`beta`] rewrites older forms, [`read`] types one object, [`parse`] does
//! all of it for a file, [`walk`] lists the files of a folder, and [`Folder`] keeps what they say, with the last good
//! version of whatever breaks. No input panics; nothing here knows a clock: the time is an argument.

mod assembly;
pub mod beta;
pub mod document;
mod file;
pub mod folder;
#[cfg(test)]
mod folder_tests;
pub mod parse;
pub mod read;
pub mod syntax;
pub mod walk;

pub use folder::{Change, Folder, Moment, QUIET, Refreshed, Rest};

/// The largest file that is read, in bytes; a larger one is reported and what it held before stays in use. About
/// 20,000 Ingresses with a certificate each.
pub const FILE_BYTES: usize = 128 * 1024 * 1024;
/// How many files a folder may hold; more are reported and left out.
pub const FILES: usize = 200_000;
/// How deep folders may nest, symbolic links included.
pub const FOLDERS_DEEP: usize = 32;
