//! EndpointSlices: which of their ports are a Service port's, and which of their addresses may serve.

use k8s_openapi::api::core::v1::ServicePort;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::diagnostic::Diagnostic;
use crate::ir::{ObjectKind, ObjectRef};
use crate::snapshot::object::{name_of, namespace_of};

use super::Gathered;

/// Takes the addresses of one slice.
pub(super) fn gather(
    slice: &EndpointSlice,
    port: &ServicePort,
    gathered: &mut Gathered,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if slice.address_type == "FQDN" {
        let object = ObjectRef::new(ObjectKind::EndpointSlice, namespace_of(&slice.metadata), name_of(&slice.metadata));
        let message = "slices of host names are not supported; its endpoints are left out, use an ExternalName Service";
        diagnostics.push(Diagnostic::warning("unsupported-address-type", object.field("addressType"), message));
        return;
    }
    let offered = slice.ports.iter().flatten().map(|offered| OfferedPort {
        name: offered.name.as_deref().unwrap_or_default(),
        number: offered.port,
        protocol: offered.protocol.as_deref(),
    });
    let ports = ports_of(offered, port);
    for endpoint in slice.endpoints.iter().flatten() {
        match standing(endpoint) {
            Standing::Ready => endpoint.addresses.iter().for_each(|address| gathered.add_ready(address, &ports)),
            Standing::Terminating => {
                endpoint.addresses.iter().for_each(|address| gathered.add_terminating(address, &ports));
            }
            Standing::Out => {}
        }
    }
}

enum Standing {
    Ready,
    /// On its way out and still serving.
    Terminating,
    Out,
}

/// An endpoint that does not say whether it is ready is (discovery/v1).
fn standing(endpoint: &Endpoint) -> Standing {
    let Some(conditions) = &endpoint.conditions else { return Standing::Ready };
    if conditions.ready.unwrap_or(true) {
        Standing::Ready
    } else if conditions.serving == Some(true) && conditions.terminating == Some(true) {
        Standing::Terminating
    } else {
        Standing::Out
    }
}

/// A port as a slice or a subset offers it. Its name is empty if it has none.
#[derive(Clone, Copy)]
pub(super) struct OfferedPort<'a> {
    pub(super) name: &'a str,
    pub(super) number: Option<i32>,
    pub(super) protocol: Option<&'a str>,
}

/// The offered ports that are the Service port's: those of its name; else, for a Service port without name, all; else
/// its numeric target port, as ingress-nginx has it. A slice without ports leaves the choice to the Service.
pub(super) fn ports_of<'a>(offered: impl Iterator<Item = OfferedPort<'a>>, port: &ServicePort) -> Vec<u16> {
    let name = port.name.as_deref().unwrap_or_default();
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) if *number != 0 => Some(*number),
        Some(IntOrString::Int(_)) | None => Some(port.port),
        Some(IntOrString::String(_)) => None,
    };
    let tcp: Vec<OfferedPort<'a>> =
        offered.filter(|offered| offered.protocol.is_none_or(|protocol| protocol == "TCP")).collect();
    let named: Vec<i32> =
        tcp.iter().filter(|offered| offered.name == name).filter_map(|offered| offered.number).collect();
    let numbers = if !named.is_empty() {
        named
    } else if name.is_empty() && !tcp.is_empty() {
        tcp.iter().filter_map(|offered| offered.number).collect()
    } else {
        Vec::from_iter(target)
    };
    numbers.into_iter().filter_map(|number| u16::try_from(number).ok().filter(|port| *port != 0)).collect()
}
