//! Settings to what metrics are counted by and labelled with.

#![expect(clippy::disallowed_methods, reason = "which pod this is, its environment says")]

use std::env;
use std::sync::Arc;

use crate::settings::Settings;
use crate::telemetry::{Bounds, Buckets, HostLabels, MetricsOptions, StatusLabels};

/// The pod's name and namespace are those that ingress-nginx's manifests put into the environment; empty without.
pub(super) fn options(settings: &Settings) -> MetricsOptions {
    let metrics = &settings.metrics;
    let buckets = Buckets {
        time: Bounds::seconds(&metrics.time_buckets),
        length: Bounds::octets(&metrics.length_buckets),
        size: Bounds::octets(&metrics.size_buckets),
    };
    MetricsOptions {
        controller_class: settings.classes.controller_class.clone(),
        controller_namespace: env::var("POD_NAMESPACE").unwrap_or_default(),
        controller_pod: env::var("POD_NAME").unwrap_or_default(),
        statuses: if metrics.status_classes { StatusLabels::Classes } else { StatusLabels::Codes },
        hosts: if metrics.per_host { HostLabels::Pattern } else { HostLabels::Off },
        buckets: Arc::new(buckets),
        excluded: metrics.excluded.clone(),
    }
}
