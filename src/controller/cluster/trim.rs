//! Objects as they arrive, reduced to what configuration, statuses and Events are made of.
//!
//! What is not named here is dropped: managed fields, labels, annotations of others, versions, pod templates of
//! controllers' bookkeeping. So an object that changes only there stays equal to what it was.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{
    ConfigMap as ApiConfigMap, EndpointAddress, EndpointPort as LegacyPort, EndpointSubset, Endpoints, Namespace,
    Secret as ApiSecret, Service, ServicePort, ServiceSpec, ServiceStatus,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::api::networking::v1::{
    HTTPIngressRuleValue, Ingress, IngressClass, IngressClassSpec, IngressRule, IngressSpec, IngressTLS,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::compile::CLASS_ANNOTATION;
use crate::snapshot::map::SERVICE_NAME_LABEL;
use crate::snapshot::{ConfigMap, Object, Secret, SecretBytes};

/// What is kept of an object.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Object(Object),
    /// The name of a namespace that is selected.
    Namespace(String),
}

/// A kind of object that is followed.
pub(super) trait Trim {
    /// A selector of those that are asked for; `None` is all.
    const FIELDS: Option<&'static str> = None;

    /// Drops what nobody needs. `prefix` is that of annotations.
    fn trim(self, prefix: &str) -> Kept;

    /// How many octets of values it holds, where that may be many.
    fn weight(&self) -> usize {
        0
    }
}

impl Trim for Ingress {
    fn trim(self, prefix: &str) -> Kept {
        let Self { mut metadata, spec, status } = self;
        let annotations = metadata.annotations.take().map(|mut annotations| {
            let ours = |key: &str| key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
            annotations.retain(|key, _| key == CLASS_ANNOTATION || ours(key));
            annotations
        });
        let annotations = annotations.filter(|annotations| !annotations.is_empty());
        let deletion_timestamp = metadata.deletion_timestamp.take();
        let creation_timestamp = metadata.creation_timestamp.take();
        let metadata = ObjectMeta { annotations, creation_timestamp, deletion_timestamp, ..identity(metadata) };
        Kept::Object(Self { metadata, spec: spec.map(ingress_spec), status }.into())
    }
}

fn ingress_spec(IngressSpec { default_backend, ingress_class_name, rules, tls }: IngressSpec) -> IngressSpec {
    let rule = |IngressRule { host, http }| {
        let http = http.map(|HTTPIngressRuleValue { paths }| HTTPIngressRuleValue { paths: tight(paths) });
        IngressRule { host, http }
    };
    let entry = |IngressTLS { hosts, secret_name }| IngressTLS { hosts: hosts.map(tight), secret_name };
    IngressSpec {
        default_backend,
        ingress_class_name,
        rules: rules.map(|rules| tight(rules.into_iter().map(rule).collect())),
        tls: tls.map(|tls| tight(tls.into_iter().map(entry).collect())),
    }
}

/// Without spare room: the first element of a list makes room for four, and most lists are shorter.
fn tight<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}

impl Trim for IngressClass {
    fn trim(self, _: &str) -> Kept {
        let Self { metadata, spec } = self;
        let spec = spec
            .map(|IngressClassSpec { controller, parameters: _ }| IngressClassSpec { controller, parameters: None });
        Kept::Object(Self { metadata: identity(metadata), spec }.into())
    }
}

impl Trim for Service {
    fn trim(self, _: &str) -> Kept {
        let Self { metadata, spec, status } = self;
        let spec = spec.map(|spec| ServiceSpec {
            cluster_ip: spec.cluster_ip,
            cluster_ips: spec.cluster_ips.map(tight),
            external_ips: spec.external_ips.map(tight),
            external_name: spec.external_name,
            ports: spec.ports.map(|ports| tight(ports.into_iter().map(service_port).collect())),
            publish_not_ready_addresses: spec.publish_not_ready_addresses,
            type_: spec.type_,
            ..ServiceSpec::default()
        });
        let status = status
            .map(|ServiceStatus { conditions: _, load_balancer }| ServiceStatus { conditions: None, load_balancer });
        Kept::Object(Self { metadata: identity(metadata), spec, status }.into())
    }
}

fn service_port(port: ServicePort) -> ServicePort {
    ServicePort { node_port: None, ..port }
}

impl Trim for EndpointSlice {
    fn trim(self, _: &str) -> Kept {
        let Self { address_type, endpoints, mut metadata, ports } = self;
        let service = metadata.labels.take().and_then(|mut labels| labels.remove_entry(SERVICE_NAME_LABEL));
        let labels = service.map(|label| [label].into());
        let endpoints = endpoints.map(|endpoints| tight(endpoints.into_iter().map(endpoint).collect()));
        let ports = ports.map(|ports| tight(ports.into_iter().map(endpoint_port).collect()));
        let metadata = ObjectMeta { labels, ..identity(metadata) };
        Kept::Object(Self { address_type, endpoints, metadata, ports }.into())
    }
}

fn endpoint(endpoint: Endpoint) -> Endpoint {
    let Endpoint {
        addresses,
        conditions,
        deprecated_topology: _,
        hints: _,
        hostname: _,
        node_name: _,
        target_ref: _,
        zone: _,
    } = endpoint;
    Endpoint { addresses: tight(addresses), conditions, ..Endpoint::default() }
}

fn endpoint_port(EndpointPort { app_protocol: _, name, port, protocol }: EndpointPort) -> EndpointPort {
    EndpointPort { app_protocol: None, name, port, protocol }
}

impl Trim for Endpoints {
    fn trim(self, _: &str) -> Kept {
        let Self { metadata, subsets } = self;
        let subsets = subsets.map(|subsets| subsets.into_iter().map(subset).collect());
        Kept::Object(Self { metadata: identity(metadata), subsets }.into())
    }
}

fn subset(EndpointSubset { addresses, not_ready_addresses, ports }: EndpointSubset) -> EndpointSubset {
    let bare = |addresses: Vec<EndpointAddress>| {
        let bare = |address: EndpointAddress| EndpointAddress { ip: address.ip, ..EndpointAddress::default() };
        addresses.into_iter().map(bare).collect()
    };
    EndpointSubset {
        addresses: addresses.map(bare),
        not_ready_addresses: not_ready_addresses.map(bare),
        ports: ports.map(|ports| ports.into_iter().map(|port| LegacyPort { app_protocol: None, ..port }).collect()),
    }
}

impl Trim for ApiSecret {
    /// As in ingress-nginx: not the records of Helm, which are most of the octets of most clusters' Secrets, and no
    /// certificates.
    const FIELDS: Option<&'static str> = Some("type!=helm.sh/release.v1");

    fn trim(self, _: &str) -> Kept {
        let Self { data, immutable: _, metadata, string_data: _, type_ } = self;
        let data = data.into_iter().flatten().map(|(key, value)| (key, SecretBytes::new(value.0)));
        let secret = Secret {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid,
            type_: type_.unwrap_or_else(|| "Opaque".to_owned()),
            data: data.collect(),
        };
        Kept::Object(secret.into())
    }

    fn weight(&self) -> usize {
        self.data.iter().flatten().map(|(_, value)| value.0.len()).sum()
    }
}

impl Trim for ApiConfigMap {
    fn trim(self, _: &str) -> Kept {
        let Self { binary_data: _, data, immutable: _, metadata } = self;
        let config_map = ConfigMap {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid,
            data: data.unwrap_or_default(),
        };
        Kept::Object(Object::ConfigMap(Arc::new(config_map)))
    }

    fn weight(&self) -> usize {
        let text = self.data.iter().flatten().map(|(_, value)| value.len());
        let octets = self.binary_data.iter().flatten().map(|(_, value)| value.0.len());
        text.chain(octets).sum()
    }
}

impl Trim for Namespace {
    fn trim(self, _: &str) -> Kept {
        Kept::Namespace(self.metadata.name.unwrap_or_default())
    }
}

/// Namespace, name and identifier.
fn identity(metadata: ObjectMeta) -> ObjectMeta {
    let ObjectMeta { name, namespace, uid, .. } = metadata;
    ObjectMeta { name, namespace, uid, ..ObjectMeta::default() }
}
