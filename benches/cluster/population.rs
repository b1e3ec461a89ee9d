//! A cluster of many tenants, of whom one is looked at.

use landfall::testing::Origin;
use landfall::testing::certificates::{KeyPairPem, TestCa};
use serde_json::{Value, json};

use crate::support::objects::{CLASS, CONTROLLER, class, ingress, service, slice, tls_secret};
use crate::support::{Cluster, Landfall};

/// Ingresses of one namespace.
const TENANT: usize = 100;

/// The objects of a size, and what the one looked at is made of.
pub(crate) struct Population {
    size: usize,
    pub(crate) namespace: String,
    pub(crate) authority: TestCa,
    /// Pods that the one looked at can be sent to.
    pub(crate) pods: [Origin; 2],
    /// Certificates that it can be served with.
    pub(crate) pairs: [KeyPairPem; 2],
}

/// The host of an Ingress. The one looked at is number 0.
pub(crate) fn host(number: usize) -> String {
    format!("host-{number}.test")
}

impl Population {
    /// Creates everything. Each Ingress has a host, a certificate, a Service and three endpoints of its own.
    pub(crate) async fn create(cluster: &Cluster, size: usize) -> Self {
        let authority = TestCa::new();
        let pods = [cluster.pod("first").await, cluster.pod("second").await];
        let pairs = [(); 2].map(|()| authority.issue_for([host(0).as_str()]));
        cluster.apply(class(CLASS, CONTROLLER)).await;
        let mut namespaces = Vec::new();
        for _ in 0..size.div_ceil(TENANT) {
            namespaces.push(cluster.namespace("tenant").await);
        }
        let population = Self { size, namespace: namespaces[0].clone(), authority, pods, pairs };
        cluster.create_all((1..size).flat_map(|number| population.tenant(&namespaces[number / TENANT], number))).await;
        cluster.create_all(population.looked_at()).await;
        population
    }

    /// One of those nobody looks at. Its endpoints lead nowhere.
    fn tenant(&self, namespace: &str, number: usize) -> Vec<Value> {
        let name = format!("web-{number}");
        let pair = self.authority.issue_for([host(number).as_str()]);
        let addresses: Vec<std::net::SocketAddr> = (0..3)
            .map(|pod| {
                let [_, high, middle, low] = u32::try_from(number * 3 + pod).unwrap().to_be_bytes();
                ([10, 2 + high, middle, low], 8080).into()
            })
            .collect();
        vec![
            tls_secret(namespace, &name, &pair),
            service(namespace, &name),
            slice(namespace, &name, &name, &addresses),
            with_tls(ingress(namespace, &name, &host(number), "/", &name), &host(number), &name),
        ]
    }

    /// Two Services with a pod each, and an Ingress that leads to the first.
    fn looked_at(&self) -> Vec<Value> {
        let namespace = &self.namespace;
        vec![
            self.secret(0),
            service(namespace, "first"),
            service(namespace, "second"),
            self.endpoints("first", 0),
            self.endpoints("second", 1),
            self.ingress("first"),
        ]
    }

    /// The Secret of the one looked at, with one of its certificates.
    pub(crate) fn secret(&self, pair: usize) -> Value {
        tls_secret(&self.namespace, "looked-at", &self.pairs[pair])
    }

    /// The endpoints of a Service of the one looked at.
    pub(crate) fn endpoints(&self, service: &str, pod: usize) -> Value {
        slice(&self.namespace, service, service, &[self.pods[pod].address()])
    }

    /// The Ingress looked at, leading to a Service.
    pub(crate) fn ingress(&self, service: &str) -> Value {
        with_tls(ingress(&self.namespace, "looked-at", &host(0), "/", service), &host(0), "looked-at")
    }

    /// Panics unless the last of the tenants is known and the one looked at is served.
    pub(crate) async fn assert_served(&self, landfall: &Landfall) {
        assert_eq!(landfall.answer(&host(0), "/").await.unwrap(), "first");
        let ingresses = landfall.metric("landfall_objects", &["kind=\"Ingress\""]).await;
        assert_eq!(ingresses, Some(self.size as f64));
    }
}

/// With a certificate, and served without it as well: the benchmark asks in plain text.
fn with_tls(mut ingress: Value, host: &str, secret: &str) -> Value {
    ingress["metadata"]["annotations"] = json!({ "nginx.ingress.kubernetes.io/ssl-redirect": "false" });
    ingress["spec"]["tls"] = json!([{ "hosts": [host], "secretName": secret }]);
    ingress
}
