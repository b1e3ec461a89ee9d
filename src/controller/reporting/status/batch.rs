//! Writes the statuses of many Ingresses, some at a time.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;

use super::writer::{Effect, Goal, write};
use crate::controller::cluster::fault::Fault;
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::object::{name_of, namespace_of};
use crate::telemetry::ReportCell;
use crate::telemetry::reporting::Outcome;

/// Ingresses written at a time, as in ingress-nginx.
const CONCURRENT: usize = 10;

/// What became of many.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Those that are as they should be, or are not to be written any more.
    pub(super) done: BTreeSet<ObjectRef>,
    /// How many of them were changed.
    pub(super) changed: usize,
    pub(super) failed: usize,
    /// Why the first failed.
    pub(super) failure: Option<Fault>,
}

impl Batch {
    /// Writes to all of these, or until something fails that is not about one Ingress alone.
    pub(super) async fn write(
        client: &Client,
        ingresses: Vec<Arc<Ingress>>,
        goal: Goal<'_>,
        report: &ReportCell,
    ) -> Self {
        let writes = stream::iter(ingresses)
            .map(|ingress| async move { (reference(&ingress), write(client, &ingress, goal).await) })
            .buffer_unordered(CONCURRENT);
        let mut writes = pin!(writes);
        let mut batch = Self::default();
        while let Some((ingress, result)) = writes.next().await {
            let about_all = result.as_ref().is_err_and(|failure| !failure.is_about_object());
            batch.take(ingress, result, report);
            if about_all {
                break;
            }
        }
        batch
    }

    fn take(&mut self, ingress: ObjectRef, result: Result<Effect, Fault>, report: &ReportCell) {
        match result {
            Ok(Effect::Changed) => {
                tracing::debug!(%ingress, "wrote the status");
                report.reporting().status(Outcome::Written);
                self.changed += 1;
                self.done.insert(ingress);
            }
            Ok(Effect::Left) => _ = self.done.insert(ingress),
            Err(failure) => {
                tracing::debug!(%ingress, "could not write the status: {failure}");
                report.reporting().status(Outcome::Failed);
                self.failed += 1;
                self.failure.get_or_insert(failure);
            }
        }
    }
}

/// The name of an Ingress.
pub(super) fn reference(ingress: &Ingress) -> ObjectRef {
    ObjectRef::new(ObjectKind::Ingress, namespace_of(&ingress.metadata), name_of(&ingress.metadata))
}
