//! stub
use crate::live::Reader;
use tokio::net::TcpStream;
#[derive(Debug, Clone)]
pub(crate) struct TlsAcceptor {}
#[derive(Debug)]
pub(crate) enum Alpn {
    H1,
    H2,
}
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: tokio_rustls::server::TlsStream<TcpStream>,
    pub(crate) alpn: Alpn,
    pub(crate) resumed: bool,
}
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFailure {
    #[error("timeout")]
    Timeout,
    #[error("failed")]
    Failed,
}
impl TlsAcceptor {
    pub(crate) fn new(_r: Reader) -> Self {
        Self {}
    }
    pub(crate) async fn accept(&self, _s: TcpStream) -> Result<Accepted, TlsFailure> {
        Err(TlsFailure::Failed)
    }
}
