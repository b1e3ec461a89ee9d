//! Certificates as metrics show them: with ingress-nginx's labels.

use crate::ir::{HostPattern, ObjectRef};
use crate::live::State;
use crate::telemetry::{MetricsOptions, Point, family};

/// What ingress-nginx calls the Secret of the certificate that it makes itself.
const SELF_SIGNED: &str = "default-fake-certificate";

/// When the certificate of every host expires, and what it says of itself.
pub(super) fn points(options: &MetricsOptions, state: &State) -> Vec<Point> {
    let mut points = Vec::with_capacity(2 * state.certificates.len());
    for (pattern, certificate) in state.certificates.iter() {
        let identifier = format!("{}-{}", certificate.issuer_serial(), certificate.serial());
        let labels = identity(options, &pattern, certificate.secret(), identifier);
        let mut about = labels.clone();
        about.extend([
            certificate.issuer_organization().to_owned(),
            certificate.issuer_common_name().to_owned(),
            certificate.serial().to_owned(),
            certificate.key_algorithm().to_owned(),
        ]);
        let expiry = certificate.not_after().0 as f64;
        points.push(Point { family: &family::SSL_EXPIRE_TIME, labels, value: expiry });
        points.push(Point { family: &family::SSL_CERTIFICATE_INFO, labels: about, value: 1.0 });
    }
    points
}

/// The labels `namespace`, `class`, `host`, `secret_name` and `identifier`: the namespace is the Secret's, and the
/// identifier what the issuer's name says of a serial number, which is next to never anything, and the certificate's.
fn identity(
    options: &MetricsOptions,
    pattern: &HostPattern,
    secret: Option<&ObjectRef>,
    identifier: String,
) -> Vec<String> {
    let (namespace, name) = match secret {
        Some(secret) => (secret.namespace.to_string(), secret.name.to_string()),
        None => (String::new(), SELF_SIGNED.to_owned()),
    };
    vec![namespace, options.controller_class.clone(), host(pattern), name, identifier]
}

/// ingress-nginx calls its default server `_`.
fn host(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Any => "_".to_owned(),
        HostPattern::Exact(_) | HostPattern::Wildcard(_) => pattern.to_string(),
    }
}
