//! One request, without I/O: its head, its host and path in canonical form, and the plan of what is done with it.

pub mod head;

pub use head::{Field, FieldName, Fields, RequestHead, ResponseHead, Version};
