//! What stands for an object of a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::CallError;
use super::home::Home;
use super::link::Link;
use crate::multiprocessing::connection::Address;
use crate::platform::{Deadline, after};

/// Stands for an object of a [`Server`](super::Server), without its type: what the proxies of
/// [`proxy!`](crate::proxy) and those of [`Manager`](super::Manager) have inside.
///
/// A handle: clone it, share it between threads, which do not wait for each other (MP058), and send it to processes
/// that have the same [`authkey`](crate::multiprocessing::authkey). Two are equal that stand for the same object
/// (MP057).
///
/// ```
/// use inkle::multiprocessing::{Address, CallError, Manager, Server};
///
/// let server = Server::bind(Address::unique()?)?;
/// let list = Manager::connect(server.address()).list::<u8>()?;
/// let bare = list.as_ref();
/// assert_eq!(bare.call::<u64>("len", &())?, 0);
/// assert!(matches!(bare.call::<()>("fly", &()), Err(CallError::NoMethod(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    link: Arc<Link>,
    number: u64,
    timeout: Option<Duration>,
}

impl Proxy {
    pub(super) fn new(link: Arc<Link>, number: u64) -> Self {
        Self { link, number, timeout: None }
    }

    /// Of another object of the same server.
    pub(super) fn to(&self, number: u64) -> Self {
        Self { number, ..self.clone() }
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.link.home()
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.link.address()
    }

    /// With this limit for each call: a server that is stopped answers never. Without it a call waits as long as
    /// the server lives. It does not travel with the proxy.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls a method with these arguments, a tuple: Python's `_callmethod`. (MP056, MP057)
    ///
    /// Errors: [`CallError`]. Progress: blocking.
    pub fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<R, CallError> {
        let deadline = self.timeout.map_or(Deadline::NEVER, after);
        self.link.call(self.number, method, arguments, deadline)
    }
}

impl AsRef<Proxy> for Proxy {
    fn as_ref(&self) -> &Proxy {
        self
    }
}

impl PartialEq for Proxy {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && self.address() == other.address()
    }
}

impl Eq for Proxy {}

impl Serialize for Proxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.address(), self.number).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, number) = Deserialize::deserialize(deserializer)?;
        Ok(Self::new(Link::to(address), number))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", self.address())
            .field("number", &self.number)
            .finish()
    }
}

/// Makes a type one whose objects a [`Server`](crate::multiprocessing::Server) can hold, and writes the proxy for
/// it: of each method that is listed, one with the same arguments, by value, that gives the result or a
/// [`CallError`](crate::multiprocessing::CallError). Arguments and results are of types that `serde` knows; a method
/// takes `&self` or `&mut self`, which is not said in the list. Handles of shared things may be among them. (MP055)
///
/// ```
/// use inkle::multiprocessing::{Address, Manager, Server, proxy};
///
/// #[derive(Default)]
/// struct Loom {
///     rows: Vec<String>,
/// }
///
/// impl Loom {
///     fn weave(&mut self, row: String) -> usize {
///         self.rows.push(row);
///         self.rows.len()
///     }
///
///     fn row(&self, number: usize) -> Option<String> {
///         self.rows.get(number).cloned()
///     }
///
///     fn cut(&mut self) {
///         self.rows.clear();
///     }
/// }
///
/// proxy! {
///     /// A loom that is somewhere else.
///     pub struct LoomProxy for Loom {
///         /// Adds a row.
///         fn weave(row: String) -> usize;
///         fn row(number: usize) -> Option<String>;
///         fn cut();
///     }
/// }
///
/// let server = Server::bind(Address::unique()?)?;
/// server.host("the loom", Loom::default());
/// let loom: LoomProxy = Manager::connect(server.address()).find::<Loom>("the loom")?;
/// assert_eq!(loom.weave("plain".to_owned())?, 1);
/// assert_eq!(loom.row(0)?.as_deref(), Some("plain"));
/// loom.cut()?;
/// assert_eq!(loom.row(0)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! proxy {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $proxy:ident for $type:ty {
            $(
                $(#[$method_meta:meta])*
                fn $method:ident($($argument:ident: $argument_type:ty),* $(,)?) $(-> $result:ty)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $visibility struct $proxy($crate::multiprocessing::Proxy);

        #[allow(dead_code, missing_docs)]
        impl $proxy {
            $(
                $(#[$method_meta])*
                $visibility fn $method(
                    &self,
                    $($argument: $argument_type),*
                ) -> ::core::result::Result<
                    $crate::__result!($($result)?),
                    $crate::multiprocessing::CallError,
                > {
                    self.0.call(stringify!($method), &($($argument,)*))
                }
            )*
        }

        impl $crate::multiprocessing::Served for $type {
            type Proxy = $proxy;

            fn call(
                &mut self,
                request: $crate::multiprocessing::Request,
            ) -> ::core::result::Result<
                $crate::multiprocessing::Reply,
                $crate::multiprocessing::CallError,
            > {
                match request.method() {
                    $(
                        stringify!($method) => {
                            let ($($argument,)*): ($($argument_type,)*) = request.arguments()?;
                            $crate::multiprocessing::Reply::of(&self.$method($($argument),*))
                        }
                    )*
                    _ => ::core::result::Result::Err(request.unknown()),
                }
            }
        }

        impl ::core::convert::From<$crate::multiprocessing::Proxy> for $proxy {
            fn from(proxy: $crate::multiprocessing::Proxy) -> Self {
                Self(proxy)
            }
        }

        impl ::core::convert::AsRef<$crate::multiprocessing::Proxy> for $proxy {
            fn as_ref(&self) -> &$crate::multiprocessing::Proxy {
                &self.0
            }
        }

        impl $crate::multiprocessing::__serde::Serialize for $proxy {
            fn serialize<S: $crate::multiprocessing::__serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::multiprocessing::__serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de> $crate::multiprocessing::__serde::Deserialize<'de> for $proxy {
            fn deserialize<D: $crate::multiprocessing::__serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::multiprocessing::__serde::Deserialize::deserialize(deserializer).map(Self)
            }
        }
    };
}

/// The type of a result that may not be written.
#[doc(hidden)]
#[macro_export]
macro_rules! __result {
    () => {
        ()
    };
    ($result:ty) => {
        $result
    };
}
