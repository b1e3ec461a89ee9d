//! Objects to configuration. Compiling never fails: it returns a configuration and diagnostics.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::ir::{BackendId, Config, EndpointSource};
use crate::table::Table;
use crate::tls::CertificateStore;

/// What a compile gives.
#[derive(Debug, Default)]
pub struct Compiled {
    pub config: Arc<Config>,
    pub table: Arc<Table>,
    pub certificates: Arc<CertificateStore>,
    pub endpoints: BTreeMap<BackendId, EndpointSource>,
    /// Sorted, each once.
    pub diagnostics: Vec<Diagnostic>,
}
