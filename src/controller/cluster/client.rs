//! How the API server is reached: configuration as ingress-nginx reads it, and the one client that is made of it.
//!
//! The client does not retry: whoever asks decides, and sees every failure. A connection whose other end is gone is
//! noticed within half a minute, by keep-alives while it is idle and by what is not acknowledged otherwise.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as Octets;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::Status;
use kube::core::response::StatusDetails;
use kube::{Client, Config};
use tokio::time::timeout;

use crate::settings::Cluster;

/// The longest that connecting may take, TLS not included.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a response head may take. API servers end a request themselves after a minute.
const RESPONSE_HEAD: Duration = Duration::from_secs(65);
/// How long a connection is idle before it is probed, how often it is probed then, and how many probes may be lost.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(15), Duration::from_secs(5), 3);
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
/// How much of a refusal's body is read.
const REFUSAL: usize = 64 * 1024;

/// Why a cluster cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot use the kubeconfig {}: {error}", path.display())]
    Kubeconfig { path: PathBuf, error: Box<KubeconfigError> },
    #[error(
        "this is no pod of a cluster ({0}); give --kubeconfig or --apiserver-host, or --manifests for objects from a folder"
    )]
    InCluster(Box<InClusterError>),
    #[error("{0:?} is not the URL of an API server")]
    Url(String),
    #[error("cannot prepare the connection to the API server: {0}")]
    Client(Box<kube::Error>),
}

/// Reads how to reach the API server, and makes the client, which the current runtime drives. Nothing is sent yet.
pub(in crate::controller) async fn connect(cluster: &Cluster) -> Result<Client, ConnectError> {
    let config = configuration(cluster).await?;
    let client = client(&config).map_err(|error| ConnectError::Client(Box::new(error)))?;
    tracing::info!(server = %config.cluster_url, "follows a cluster");
    Ok(client)
}

async fn configuration(cluster: &Cluster) -> Result<Config, ConnectError> {
    let url = cluster.apiserver_host.as_deref().map(parse_url).transpose()?;
    let mut config = match (&cluster.kubeconfig, &url) {
        (Some(path), _) => from_kubeconfig(path).await?,
        (None, Some(url)) => Config::new(url.clone()),
        (None, None) => Config::incluster().map_err(|error| ConnectError::InCluster(Box::new(error)))?,
    };
    if let Some(url) = url {
        config.cluster_url = url;
        if let Some(path) = &cluster.certificate_authority {
            config.root_cert_file = Some(path.clone());
            config.root_cert = Some(Vec::new());
        }
    }
    if config.cluster_url.scheme_str() == Some("http") && config.root_cert.is_none() {
        // Nobody's certificate is looked at, so the machine's need not be found.
        config.root_cert = Some(Vec::new());
    }
    config.default_retry = false;
    let agent = concat!("landfall/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    Ok(config)
}

fn parse_url(text: &str) -> Result<Uri, ConnectError> {
    text.parse().map_err(|_| ConnectError::Url(text.to_owned()))
}

async fn from_kubeconfig(path: &PathBuf) -> Result<Config, ConnectError> {
    let failed = |error| ConnectError::Kubeconfig { path: path.clone(), error: Box::new(error) };
    let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(failed)
}

fn client(config: &Config) -> kube::Result<Client> {
    let https = config.rustls_https_connector_with_connector(tcp())?;
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build(https);
    let exchange = tower::service_fn(move |request: Request<Body>| guarded(http.request(request)));
    let stack =
        ClientBuilder::new(exchange, config.default_namespace.as_str()).with_layer(&config.extra_headers_layer()?);
    let url = config.base_uri_layer();
    Ok(match config.auth_layer()? {
        Some(login) => stack.with_layer(&login).with_layer(&url).build(),
        None => stack.with_layer(&url).build(),
    })
}

fn tcp() -> HttpConnector {
    let (idle, interval, retries) = KEEP_ALIVE;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp.set_keepalive(Some(idle));
    tcp.set_keepalive_interval(Some(interval));
    tcp.set_keepalive_retries(Some(retries));
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    tcp
}

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Waits for the head of a response, but not for ever, and makes a refusal that asks for patience an error that says so.
pub(super) async fn guarded<B, E>(
    response: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<B>, BoxError>
where
    B: Octets<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
    E: Into<BoxError>,
{
    let response = timeout(RESPONSE_HEAD, response)
        .await
        .map_err(|_| format!("no answer within {} s", RESPONSE_HEAD.as_secs()))?
        .map_err(Into::into)?;
    match (response.status(), retry_after(response.headers())) {
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => {
            Err(Box::new(kube::Error::Api(Box::new(refusal(response, seconds).await))))
        }
        _ => Ok(response),
    }
}

/// The field `Retry-After` (RFC 9110, 10.2.3), which API servers write in seconds.
fn retry_after(fields: &HeaderMap) -> Option<u32> {
    fields.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// A refusal with the field's seconds where callers look for them; what an overloaded API server answers is no object.
async fn refusal<B>(response: Response<B>, seconds: u32) -> Status
where
    B: Octets<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    let code = response.status();
    let body = Limited::new(response.into_body(), REFUSAL)
        .collect()
        .await
        .map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let mut status: Status = serde_json::from_slice(&body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&body);
        Status::failure(text.trim(), code.canonical_reason().unwrap_or_default()).with_code(code.as_u16())
    });
    let details = status.details.get_or_insert_with(|| StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: 0,
    });
    details.retry_after_seconds = details.retry_after_seconds.max(seconds);
    status
}
