//! Python's `managers`: objects in one process, and proxies for them in others.
//!
//! Layout: a server holds objects, each behind a lock of its own. A proxy is where the server is and the number of an
//! object; a call is a message there and one back. Requests and replies are of this form:
//!
//! | | |
//! |---|---|
//! | request | number of the object, name of the method, arguments as a tuple |
//! | reply | 0 and the result; or 1, a code, a text |
//!
//! The object with the number 0 is the server itself: it makes, finds and removes others.
//!
//! Each connection has a thread in the server. A client has as many connections as it has threads in calls at once,
//! and keeps a few for the next ones.

mod error;
mod home;
mod link;
mod proxy;
mod ready;
mod served;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::CallError;
pub use home::StartError;
pub use proxy::Proxy;
pub use ready::{DictProxy, ListProxy, NamespaceProxy, SetProxy, ValueProxy};
pub use served::{Reply, Request, Served};
pub use server::Server;
#[cfg(inkle_fuzz)]
pub use server::fuzzed;

use super::auth::AuthKey;
use super::connection::Address;
use super::process::ChildProcess;
use crate::platform::{Deadline, after};
use crate::queue::TimedOut;
use home::Home;
use link::Link;
use ready::{Bytes, Dict, List, Namespace, Set, Value};

/// Access to the objects of a [`Server`]: Python's `SyncManager`. (MP054, MP055)
///
/// It makes objects there, and gives proxies for them, which can be sent to other processes that have the same
/// [`authkey`](super::authkey). A call goes to the server and back, which takes tens of microseconds; a queue, a
/// lock, an event, a number that many processes use should be in shared memory, where they are a thousand times
/// faster, not here.
///
/// Objects live as long as the server, or until they are [removed](Self::remove): not, as in Python, as long as
/// somebody has a proxy, which nobody can count once a process was killed.
///
/// ```
/// use inkle::multiprocessing::Manager;
///
/// let manager = Manager::start()?;
/// let words = manager.dict::<String, u32>()?;
/// words.insert("warp", &1)?;
/// assert_eq!(words.get("warp")?, Some(1));
/// assert_eq!(words.get("weft")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Manager {
    /// Of the server itself.
    server: Proxy,
}

impl Manager {
    /// Starts a process with a server in it. (MP054)
    ///
    /// It is a daemon, and its server is shut down when of the manager, its clones and the proxies in this process
    /// the last is dropped, which waits at most a second for calls that run and then kills it; or by
    /// [`shutdown`](Self::shutdown). Proxies in other processes do not keep it.
    ///
    /// Errors: [`StartError`].
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(|_: &Server, ()| {}, ())
    }

    /// As [`start`](Self::start), with a function that the process calls before anybody can ask its server: there
    /// the types are [registered](Server::register). Waits for it. (MP055)
    ///
    /// `setup` is as for [`Process::spawn`](super::Process::spawn): it captures nothing, but has an argument.
    ///
    /// Errors: [`StartError`]; if `setup` panics, [`StartError::Process`].
    ///
    /// ```
    /// use inkle::multiprocessing::{Manager, Server, proxy};
    ///
    /// struct Shelf {
    ///     free: usize,
    /// }
    ///
    /// impl Shelf {
    ///     fn put(&mut self, what: String) -> Result<usize, String> {
    ///         self.free = self.free.checked_sub(1).ok_or(format!("no room for {what}"))?;
    ///         Ok(self.free)
    ///     }
    /// }
    ///
    /// proxy! {
    ///     struct ShelfProxy for Shelf {
    ///         fn put(what: String) -> Result<usize, String>;
    ///     }
    /// }
    ///
    /// fn setup(server: &Server, places: usize) {
    ///     server.host("shelf", Shelf { free: places });
    /// }
    ///
    /// let manager = Manager::start_with(setup, 1)?;
    /// let shelf = manager.find::<Shelf>("shelf")?;
    /// assert_eq!(shelf.put("warp".to_owned())?, Ok(0));
    /// assert_eq!(shelf.put("weft".to_owned())?, Err("no room for weft".to_owned()));
    /// manager.shutdown().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_with<F, A>(setup: F, argument: A) -> Result<Self, StartError>
    where
        F: Fn(&Server, A) + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + 'static,
    {
        let (home, address) = Home::found(setup, argument)?;
        Ok(Self { server: Proxy::new(Link::to_home(home, address), server::ITSELF) })
    }

    /// Shuts the server down that this manager has [started](Self::start): it takes no more calls, and those that
    /// run get their replies, as long as that takes. Of another's server, does nothing. (MP055)
    ///
    /// Errors: none, without a deadline.
    pub fn shutdown(&self) -> Result<(), TimedOut> {
        self.shutdown_until(Deadline::NEVER)
    }

    /// As [`shutdown`](Self::shutdown), until `deadline`: then the process is killed.
    ///
    /// Errors: [`TimedOut`]: it was.
    pub fn shutdown_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        self.server.home().map_or(Ok(()), |home| home.end(deadline.into()))
    }

    /// As [`shutdown_until`](Self::shutdown_until), for at most `timeout`.
    pub fn shutdown_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.shutdown_until(after(timeout))
    }

    /// The process that this manager has [started](Self::start).
    pub fn process(&self) -> Option<&ChildProcess> {
        self.server.home().map(Home::process)
    }

    /// For the server at this address. Nothing is sent before the first call, which fails if it cannot connect.
    pub fn connect(address: impl Into<Address>) -> Self {
        Self { server: Proxy::new(Link::to(address.into()), server::ITSELF) }
    }

    /// For the server at this address, with a key of its own. Its proxies work in processes whose
    /// [`authkey`](super::authkey) this is.
    pub fn connect_with(address: impl Into<Address>, key: AuthKey) -> Self {
        let link = Arc::new(Link::new(address.into(), Some(key)));
        Self { server: Proxy::new(link, server::ITSELF) }
    }

    /// With this limit for each call of it and of proxies that it makes; see [`Proxy::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.server = self.server.timeout(timeout);
        self
    }

    /// Where the server is.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.server.address()
    }

    /// Whether the server is there, and answers.
    ///
    /// Errors: [`CallError`]: it does not.
    pub fn ping(&self) -> Result<(), CallError> {
        self.server.call("ping", &())
    }

    /// Has the server make an object of a type that it has [registered](Server::register), of these arguments, a
    /// tuple of the very types that are expected there: `5u32` where `5` would be another type. (MP055)
    ///
    /// Errors: [`CallError::NoType`], and as [`Proxy::call`].
    pub fn create<S: Served>(
        &self,
        type_name: &str,
        arguments: &impl Serialize,
    ) -> Result<S::Proxy, CallError> {
        self.new_object("create", &(type_name, arguments)).map(Into::into)
    }

    /// The object that the server [hosts](Server::host) under this name.
    ///
    /// Errors: [`CallError::NoObject`], and as [`Proxy::call`].
    pub fn find<S: Served>(&self, name: &str) -> Result<S::Proxy, CallError> {
        self.new_object("find", &(name,)).map(Into::into)
    }

    /// Removes an object from the server: whatever proxy there is of it, its calls give [`CallError::NoObject`]. One
    /// that is running is not disturbed.
    ///
    /// Errors: as [`Proxy::call`]; of an object that is not there, [`CallError::NoObject`].
    pub fn remove(&self, proxy: impl AsRef<Proxy>) -> Result<(), CallError> {
        self.server.call("remove", &(proxy.as_ref().number(),))
    }

    /// A new map. (MP054, MP059)
    ///
    /// Errors: as [`Proxy::call`].
    pub fn dict<K, V>(&self) -> Result<DictProxy<K, V>, CallError>
    where
        K: Serialize + DeserializeOwned,
        V: Serialize + DeserializeOwned,
    {
        self.new_object("dict", &()).map(DictProxy::from)
    }

    /// A new list. (MP054, MP059)
    ///
    /// Errors: as [`Proxy::call`].
    pub fn list<T: Serialize + DeserializeOwned>(&self) -> Result<ListProxy<T>, CallError> {
        self.new_object("list", &()).map(ListProxy::from)
    }

    /// A new set. (MP054)
    ///
    /// Errors: as [`Proxy::call`].
    pub fn set<T: Serialize + DeserializeOwned>(&self) -> Result<SetProxy<T>, CallError> {
        self.new_object("set", &()).map(SetProxy::from)
    }

    /// A new place for values of any type by name. (MP054)
    ///
    /// Errors: as [`Proxy::call`].
    pub fn namespace(&self) -> Result<NamespaceProxy, CallError> {
        self.new_object("namespace", &()).map(NamespaceProxy::from)
    }

    /// A new place for a value. (MP054)
    ///
    /// Errors: as [`Proxy::call`].
    pub fn value<T: Serialize + DeserializeOwned>(
        &self,
        value: &T,
    ) -> Result<ValueProxy<T>, CallError> {
        self.new_object("value", &(Bytes::of(value)?,)).map(ValueProxy::from)
    }

    fn new_object(&self, method: &str, arguments: &impl Serialize) -> Result<Proxy, CallError> {
        let number = self.server.call(method, arguments)?;
        Ok(self.server.to(number))
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manager").field(self.address()).finish()
    }
}

/// What every server can make, by the names of the methods that make it.
fn make_ready(what: &str, arguments: Request) -> Result<Option<server::Object>, CallError> {
    Ok(Some(match what {
        "dict" => server::Object::new(Dict::new()),
        "list" => server::Object::new(List::new()),
        "set" => server::Object::new(Set::new()),
        "namespace" => server::Object::new(Namespace(BTreeMap::new())),
        "value" => {
            let (value,) = arguments.arguments()?;
            server::Object::new(Value(value))
        }
        _ => return Ok(None),
    }))
}
