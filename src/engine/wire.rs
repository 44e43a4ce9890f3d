//! Bytes to and from a port of a container.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::EngineError;

/// How long a container may take to accept.
const LIMIT: Duration = Duration::from_secs(10);

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// An open connection; dropping it closes it.
pub type Wire = Pin<Box<dyn Duplex>>;

/// Whether a container may be at an address: what leads back to the machine itself, to its neighbours on
/// the link or to many at once is none of theirs.
pub fn is_of_a_container(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(own) => {
            !(own.is_loopback()
                || own.is_unspecified()
                || own.is_link_local()
                || own.is_multicast()
                || own.is_broadcast())
        }
        IpAddr::V6(own) => {
            let mapped = own.to_ipv4_mapped().is_none_or(|own| is_of_a_container(own.into()));
            mapped
                && !(own.is_loopback()
                    || own.is_unspecified()
                    || own.is_unicast_link_local()
                    || own.is_multicast())
        }
    }
}

/// Connects straight from this machine.
pub(super) async fn dial(container: &str, address: SocketAddr) -> Result<Wire, EngineError> {
    match tokio::time::timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            // Whoever types waits for every byte; a socket that cannot do this is only slower.
            let _ = stream.set_nodelay(true);
            Ok(Box::pin(stream))
        }
        Ok(Err(error)) => Err(closed(container, address.port(), &error.to_string())),
        Err(_) => Err(closed(container, address.port(), "no answer within 10 seconds")),
    }
}

/// Nobody answers there.
pub(super) fn closed(container: &str, port: u16, detail: &str) -> EngineError {
    let detail = detail.to_lowercase();
    EngineError::PortClosed { container: container.to_owned(), port, detail }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_that_containers_may_have() {
        for (address, expect) in [
            ("10.42.0.7", true),
            ("172.17.0.2", true),
            ("fd00::7", true),
            ("127.0.0.1", false),
            ("127.8.8.8", false),
            ("0.0.0.0", false),
            ("169.254.169.250", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_of_a_container(address.parse().unwrap()), expect, "{address}");
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_named() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = dial("web", address).await.err().map(|error| error.to_string());
        let port = address.port();
        let expect = format!(
            "nothing answers at port {port} of container `web`: connection refused (os error 111)"
        );
        assert_eq!(error, Some(expect));
    }
}
