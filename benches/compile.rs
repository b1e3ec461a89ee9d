//! What compiling costs at 10,000 Ingresses: from scratch, when nothing has changed, and when one Ingress has.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use k8s_openapi::api::networking::v1::Ingress;
use landfall::compile::Compiler;
use landfall::ir::UnixTime;
use landfall::settings::Settings;
use landfall::snapshot::Snapshot;
use landfall::snapshot::manifest::document::Format;
use landfall::snapshot::manifest::parse::parse;

const INGRESSES: usize = 10_000;
const NOW: UnixTime = UnixTime(1_750_000_000);

fn objects(index: usize) -> String {
    format!(
        r"
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  namespace: tenant-{namespace}
  name: web-{index}
  annotations: {{nginx.ingress.kubernetes.io/proxy-body-size: 8m}}
spec:
  rules:
  - host: host-{index}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {{service: {{name: web-{index}, port: {{number: 80}}}}}}
      - path: /api
        pathType: Prefix
        backend: {{service: {{name: web-{index}, port: {{number: 80}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{namespace: tenant-{namespace}, name: web-{index}}}
spec:
  ports: [{{port: 80, targetPort: 8080}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: tenant-{namespace}
  name: web-{index}-1
  labels: {{kubernetes.io/service-name: web-{index}}}
addressType: IPv4
ports: [{{port: 8080}}]
endpoints: [{{addresses: [10.{high}.{low}.1]}}, {{addresses: [10.{high}.{low}.2]}}]
---
",
        namespace = index % 100,
        high = index / 250,
        low = index % 250,
    )
}

fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for index in 0..INGRESSES {
        let contents = parse(Format::Yaml, objects(index).as_bytes());
        contents.objects.into_iter().for_each(|placed| snapshot.insert(placed.object));
    }
    snapshot
}

/// The snapshot with one Ingress replaced by one that says something else.
fn with_change(snapshot: &Snapshot, path: &str) -> Snapshot {
    let mut ingress: Ingress =
        snapshot.ingresses.get("tenant-7", "web-7").map(|i| Ingress::clone(i)).unwrap_or_default();
    let rules = ingress.spec.iter_mut().filter_map(|spec| spec.rules.as_mut()).flatten();
    for http in rules.filter_map(|rule| rule.http.as_mut()) {
        http.paths.iter_mut().for_each(|p| p.path = Some(format!("{path}{}", p.path.as_deref().unwrap_or_default())));
    }
    snapshot.clone().with(Arc::new(ingress))
}

fn compile(criterion: &mut Criterion) {
    let settings = Settings::for_manifests(".");
    let snapshot = snapshot();
    let mut group = criterion.benchmark_group("compile 10,000 Ingresses");
    group.sample_size(10);
    group.bench_function("from scratch", |bencher| {
        bencher.iter_batched(
            || Compiler::new(&settings),
            |mut compiler| black_box(compiler.update(&snapshot, NOW)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("nothing changed", |bencher| {
        let mut compiler = Compiler::new(&settings);
        compiler.update(&snapshot, NOW);
        bencher.iter(|| black_box(compiler.update(&snapshot, NOW)));
    });
    group.bench_function("one Ingress changed", |bencher| {
        let variants = [with_change(&snapshot, "/a"), with_change(&snapshot, "/b")];
        let mut compiler = Compiler::new(&settings);
        compiler.update(&snapshot, NOW);
        let mut turn = variants.iter().cycle();
        bencher.iter(|| turn.next().map(|variant| black_box(compiler.update(variant, NOW))));
    });
    group.finish();
}

criterion_group!(benches, compile);
criterion_main!(benches);
