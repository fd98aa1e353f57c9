//! Where a listener can be found.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::multiprocessing::auth;

/// Where a [`Listener`](super::Listener) can be found. (MP027)
///
/// ```
/// use std::net::SocketAddr;
/// use inkle::multiprocessing::Address;
///
/// let remote = Address::from("192.0.2.7:4000".parse::<SocketAddr>()?);
/// assert_eq!(remote.to_string(), "192.0.2.7:4000");
/// assert_eq!(Address::unix("/run/loom/socket").to_string(), "/run/loom/socket");
/// assert_ne!(Address::unique()?, Address::unique()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A Unix socket of that path: for this machine, and for whom the rights of its folder let in. Handles can be
    /// sent.
    Unix(PathBuf),
    /// A Unix socket of that name in no folder: for this machine (more exactly, its network namespace). It leaves no
    /// file behind. Handles can be sent.
    Abstract(Vec<u8>),
    /// A port. Handles cannot be sent.
    Tcp(SocketAddr),
}

impl Address {
    /// A Unix socket of that path.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::Unix(path.as_ref().to_owned())
    }

    /// An abstract Unix socket of a name that nobody else has: what to take on one machine.
    ///
    /// Errors: the system's, which has no random bytes.
    pub fn unique() -> io::Result<Self> {
        let mut name = b"inkle-".to_vec();
        for byte in &auth::random()?[..16] {
            name.extend(format!("{byte:02x}").bytes());
        }
        Ok(Self::Abstract(name))
    }

    /// A free port that only this machine can reach; [`Listener::address`](super::Listener::address) tells which.
    #[must_use]
    pub fn loopback() -> Self {
        Self::Tcp((Ipv4Addr::LOCALHOST, 0).into())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// As it is in bytes: a TCP address, or whether it is a path, and that or the name.
type Plain = Result<SocketAddr, (bool, Vec<u8>)>;

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain: Plain = match self {
            Self::Unix(path) => Err((true, path.as_os_str().as_bytes().to_vec())),
            Self::Abstract(name) => Err((false, name.clone())),
            Self::Tcp(address) => Ok(*address),
        };
        plain.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Plain::deserialize(deserializer)? {
            Err((true, path)) => Self::Unix(std::ffi::OsString::from_vec(path).into()),
            Err((false, name)) => Self::Abstract(name),
            Ok(address) => Self::Tcp(address),
        })
    }
}
