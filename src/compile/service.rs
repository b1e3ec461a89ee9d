//! Services: which of its ports a backend means, and what is spoken there.

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::ir::backend::Protocol;

/// Finds the port that `written` means: by number or name, as Kubernetes has it, or else by target port, as
/// ingress-nginx has it too. UDP and SCTP ports are passed over.
pub(super) fn find_port<'s>(service: &'s Service, written: &str) -> Option<&'s ServicePort> {
    let by_service = |port: &&ServicePort| port.port.to_string() == written || port.name.as_deref() == Some(written);
    let by_target = |port: &&ServicePort| match &port.target_port {
        Some(IntOrString::Int(number)) => number.to_string() == written,
        Some(IntOrString::String(name)) => name == written,
        None => false,
    };
    tcp_ports(service).find(by_service).or_else(|| tcp_ports(service).find(by_target))
}

/// The first port, which is what `--default-backend-service` means.
pub(super) fn first_port(service: &Service) -> Option<&ServicePort> {
    tcp_ports(service).next()
}

fn tcp_ports(service: &Service) -> impl Iterator<Item = &ServicePort> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    ports.into_iter().flatten().filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"))
}

/// Whether the Service is another name for a host (`type: ExternalName`).
pub(super) fn is_external_name(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("ExternalName")
}

/// Whether the Service has no cluster address of its own.
pub(super) fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

/// What `appProtocol` asks to be spoken (KEP-3726 and the names of IANA and Istio in use). `None` for a protocol that
/// says nothing about HTTP.
pub(super) fn app_protocol(port: &ServicePort) -> Option<Protocol> {
    match port.app_protocol.as_deref()?.to_ascii_lowercase().as_str() {
        "http" | "kubernetes.io/ws" => Some(Protocol::Http1),
        "https" | "kubernetes.io/wss" => Some(Protocol::Http1Tls),
        "kubernetes.io/h2c" | "h2c" | "http2" | "grpc" => Some(Protocol::Http2),
        "grpcs" => Some(Protocol::Http2Tls),
        _ => None,
    }
}
