//! Settings to what metrics are counted by and labelled with.

use std::sync::Arc;

use crate::settings::Settings;
use crate::telemetry::{Bounds, Buckets, HostLabels, MetricsOptions, StatusLabels};

/// A process that does not know its pod labels with empty names.
pub(super) fn options(settings: &Settings) -> MetricsOptions {
    let metrics = &settings.metrics;
    let pod = settings.reporting.pod.clone();
    let buckets = Buckets {
        time: Bounds::seconds(&metrics.time_buckets),
        length: Bounds::octets(&metrics.length_buckets),
        size: Bounds::octets(&metrics.size_buckets),
    };
    MetricsOptions {
        controller_class: settings.classes.controller_class.clone(),
        controller_namespace: pod.namespace.unwrap_or_default(),
        controller_pod: pod.name.unwrap_or_default(),
        statuses: if metrics.status_classes { StatusLabels::Classes } else { StatusLabels::Codes },
        hosts: if metrics.per_host { HostLabels::Pattern } else { HostLabels::Off },
        buckets: Arc::new(buckets),
        excluded: metrics.excluded.clone(),
    }
}
