//! The endpoints of a backend: EndpointSlices, or else hand-written Endpoints, or a name, or the cluster address.
//!
//! Ready endpoints serve. If there are none, those that terminate and still serve do. What must not be reached from
//! here (loopback, link-local and metadata addresses) is left out with a diagnostic.

mod slices;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Endpoints, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::annotations::EndpointMode;
use crate::diagnostic::Diagnostic;
use crate::ir::{BackendId, Endpoint, EndpointSource, HostName, ObjectKind, ObjectRef};
use crate::settings::{LocalAddresses, Objects};
use crate::snapshot::Snapshot;

use super::service;

/// What is needed to find the endpoints of one backend.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) id: &'a BackendId,
    pub(super) mode: EndpointMode,
    pub(super) objects: &'a Objects,
    pub(super) snapshot: &'a Snapshot,
}

impl Query<'_> {
    fn service_ref(&self) -> ObjectRef {
        ObjectRef::new(ObjectKind::Service, &*self.id.namespace, &*self.id.service)
    }
}

fn nowhere() -> EndpointSource {
    EndpointSource::Addresses(Arc::default())
}

/// Finds the endpoints. A backend without any answers 503, and the reason is reported.
pub(super) fn resolve(query: Query<'_>, diagnostics: &mut Vec<Diagnostic>) -> EndpointSource {
    let Query { id, mode, objects, snapshot } = query;
    // A Service that does not exist is reported where it is referred to.
    let Some(found) = snapshot.services.get(&id.namespace, &id.service) else { return nowhere() };
    if service::is_external_name(found) {
        return external_name(query, found, diagnostics);
    }
    let Some(port) = port_of(query, found, diagnostics) else { return nowhere() };
    let mut gathered = Gathered::new(objects.local_addresses);
    let cluster_address = match mode {
        EndpointMode::Pods => None,
        EndpointMode::ClusterAddress => cluster_address(query, found, &port, diagnostics),
    };
    if let Some(address) = cluster_address {
        gathered.ready.push(address);
    } else {
        gather(query, found, &port, &mut gathered, diagnostics);
    }
    gathered.finish(query, diagnostics)
}

/// The Service's port; for a headless Service without ports, the number that the Ingress writes.
fn port_of(query: Query<'_>, found: &Service, diagnostics: &mut Vec<Diagnostic>) -> Option<ServicePort> {
    let written = &*query.id.port;
    if let Some(port) = service::find_port(found, written) {
        return Some(port.clone());
    }
    if let (true, Some(number)) = (service::is_headless(found), written.parse().ok()) {
        return Some(ServicePort {
            port: number,
            target_port: Some(IntOrString::Int(number)),
            ..ServicePort::default()
        });
    }
    let message = format!("the Service has no TCP port {written:?}; requests for it answer 503");
    diagnostics.push(Diagnostic::error("missing-service-port", query.service_ref().field("spec.ports"), message));
    None
}

fn gather(
    query: Query<'_>,
    found: &Service,
    port: &ServicePort,
    gathered: &mut Gathered,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Query { id, snapshot, .. } = query;
    let slices = snapshot.endpoint_slices.of_service(&id.namespace, &id.service);
    for slice in slices {
        slices::gather(slice, port, gathered, diagnostics);
    }
    if slices.is_empty()
        && let Some(endpoints) = snapshot.endpoints.get(&id.namespace, &id.service)
    {
        gather_endpoints(endpoints, found, port, gathered);
    }
}

/// Takes hand-written or old-style Endpoints.
fn gather_endpoints(endpoints: &Endpoints, found: &Service, port: &ServicePort, gathered: &mut Gathered) {
    let publish_not_ready = found.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true);
    for subset in endpoints.subsets.iter().flatten() {
        let offered = subset.ports.iter().flatten().map(|offered| slices::OfferedPort {
            name: offered.name.as_deref().unwrap_or_default(),
            number: Some(offered.port),
            protocol: offered.protocol.as_deref(),
        });
        let ports = slices::ports_of(offered, port);
        let not_ready = subset.not_ready_addresses.iter().flatten().filter(|_| publish_not_ready);
        for address in subset.addresses.iter().flatten().chain(not_ready) {
            gathered.add_ready(&address.ip, &ports);
        }
    }
}

fn cluster_address(
    query: Query<'_>,
    found: &Service,
    port: &ServicePort,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<SocketAddr> {
    let address = found.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()).and_then(|text| text.parse().ok());
    let number = u16::try_from(port.port).ok();
    if let (Some(address), Some(number)) = (address, number) {
        return Some(SocketAddr::new(address, number));
    }
    let message = "the Service has no cluster address, which service-upstream asks for; its endpoints are used instead";
    diagnostics.push(Diagnostic::warning("no-cluster-address", query.service_ref().field("spec.clusterIP"), message));
    None
}

fn external_name(query: Query<'_>, found: &Service, diagnostics: &mut Vec<Diagnostic>) -> EndpointSource {
    let mut refuse = |code, message: String| {
        let provenance = query.service_ref().field("spec.externalName");
        diagnostics.push(Diagnostic::error(code, provenance, message + "; requests for it answer 503"));
        nowhere()
    };
    let name = found.spec.as_ref().and_then(|spec| spec.external_name.as_deref()).unwrap_or_default();
    if query.objects.disable_external_name {
        return refuse("external-name-disabled", format!("{name:?}: --disable-svc-external-name is set"));
    }
    let Some(port) = external_port(found, &query.id.port) else {
        return refuse("missing-service-port", format!("{name:?}: there is no port {:?}", &*query.id.port));
    };
    let allowed = query.objects.local_addresses;
    if let Ok(address) = name.parse::<IpAddr>() {
        return if allowed.admit(address) {
            EndpointSource::Addresses(Arc::new([Endpoint { address: SocketAddr::new(address.to_canonical(), port) }]))
        } else {
            refuse("local-address", format!("{name:?} is a loopback, link-local or metadata address"))
        };
    }
    let Some(host) = HostName::parse(name) else {
        return refuse("invalid-external-name", format!("{name:?} is not a host name"));
    };
    let local = host.as_str() == "localhost" || host.as_str().ends_with(".localhost");
    if local && allowed == LocalAddresses::Refused {
        return refuse("local-address", format!("{name:?} is this machine itself"));
    }
    // With its dot at the end it is whole, and is not looked for in the cluster's own domains.
    let dot = if name.ends_with('.') { "." } else { "" };
    EndpointSource::Name { host: format!("{host}{dot}"), port }
}

/// The port of an ExternalName Service: its target port, its port, or the number that the Ingress writes.
fn external_port(found: &Service, written: &str) -> Option<u16> {
    let number = match service::find_port(found, written) {
        Some(ServicePort { target_port: Some(IntOrString::Int(target)), .. }) if *target != 0 => *target,
        Some(port) => port.port,
        None => written.parse().ok()?,
    };
    u16::try_from(number).ok().filter(|port| *port != 0)
}

/// Addresses as they are found.
pub(super) struct Gathered {
    local: LocalAddresses,
    pub(super) ready: Vec<SocketAddr>,
    /// Those that terminate and still serve.
    pub(super) terminating: Vec<SocketAddr>,
    refused: Vec<IpAddr>,
    broken: Vec<String>,
}

impl Gathered {
    fn new(local: LocalAddresses) -> Self {
        Self { local, ready: Vec::new(), terminating: Vec::new(), refused: Vec::new(), broken: Vec::new() }
    }

    pub(super) fn add_ready(&mut self, address: &str, ports: &[u16]) {
        if let Some(address) = self.admit(address) {
            self.ready.extend(ports.iter().map(|port| SocketAddr::new(address, *port)));
        }
    }

    pub(super) fn add_terminating(&mut self, address: &str, ports: &[u16]) {
        if let Some(address) = self.admit(address) {
            self.terminating.extend(ports.iter().map(|port| SocketAddr::new(address, *port)));
        }
    }

    fn admit(&mut self, text: &str) -> Option<IpAddr> {
        let Ok(address) = text.parse::<IpAddr>() else {
            self.broken.push(text.to_owned());
            return None;
        };
        let address = address.to_canonical();
        if self.local.admit(address) {
            return Some(address);
        }
        self.refused.push(address);
        None
    }

    fn finish(self, query: Query<'_>, diagnostics: &mut Vec<Diagnostic>) -> EndpointSource {
        let service = query.service_ref();
        for address in &self.refused {
            let message = format!("endpoint {address} is a loopback, link-local or metadata address and is left out");
            diagnostics.push(Diagnostic::error("local-address", service.field("endpoints"), message));
        }
        for text in &self.broken {
            let message = format!("endpoint {text:?} is not an IP address and is left out");
            diagnostics.push(Diagnostic::warning("invalid-endpoint", service.field("endpoints"), message));
        }
        let mut addresses = if self.ready.is_empty() { self.terminating } else { self.ready };
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() {
            let message = format!("port {:?} has no ready endpoint; requests for it answer 503", &*query.id.port);
            diagnostics.push(Diagnostic::warning("no-endpoints", service.field("endpoints"), message));
        }
        EndpointSource::Addresses(addresses.into_iter().map(|address| Endpoint { address }).collect())
    }
}
