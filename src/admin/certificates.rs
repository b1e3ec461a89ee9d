//! Certificates as metrics show them.

use crate::ir::HostPattern;
use crate::live::State;
use crate::telemetry::{MetricsOptions, Point, family};

/// When the certificate of every host expires, and what it says of itself.
pub(super) fn points(options: &MetricsOptions, state: &State) -> Vec<Point> {
    let MetricsOptions { controller_class, controller_namespace, .. } = options;
    let mut points = Vec::with_capacity(2 * state.certificates.len());
    for (pattern, certificate) in state.certificates.iter() {
        let common = [controller_namespace.clone(), controller_class.clone(), host(&pattern)];
        let mut about = common.to_vec();
        about.extend([
            certificate.fingerprint().to_string(),
            certificate.issuer_common_name().to_owned(),
            certificate.serial().to_owned(),
        ]);
        let expiry = certificate.not_after().0 as f64;
        points.push(Point { family: &family::SSL_EXPIRE_TIME, labels: common.into(), value: expiry });
        points.push(Point { family: &family::SSL_CERTIFICATE_INFO, labels: about, value: 1.0 });
    }
    points
}

/// ingress-nginx calls its default server `_`.
fn host(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Any => "_".to_owned(),
        HostPattern::Exact(_) | HostPattern::Wildcard(_) => pattern.to_string(),
    }
}
