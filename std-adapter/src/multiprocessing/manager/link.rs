//! A client's side of the way to one server.

use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::CallError;
use super::home::Home;
use crate::multiprocessing::auth::AuthKey;
use crate::multiprocessing::connection::{Address, Client, Connection};
use crate::multiprocessing::error::SendError;
use crate::multiprocessing::parcel::Parcel;
use crate::platform::Deadline;
use crate::threading::Mutex;

/// Kept for the next call.
const IDLE: usize = 8;

/// Connections to one server. A call has one for itself, so that threads do not wait for each other.
pub(super) struct Link {
    address: Address,
    client: Client,
    idle: Mutex<Vec<Connection>>,
    /// If this process has started the server's. Dropped behind the connections.
    home: Option<Home>,
}

/// Those with the key of this process, so that proxies that arrive share their connections.
static LINKS: Mutex<Vec<Weak<Link>>> = Mutex::new(Vec::new());

impl Link {
    pub(super) fn new(address: Address, key: Option<AuthKey>) -> Self {
        let client = Client::new(&address);
        let client = match key {
            Some(key) => client.key(key),
            None => client,
        };
        Self { address, client, idle: Mutex::new(Vec::new()), home: None }
    }

    /// The one with the key of this process.
    pub(super) fn to(address: Address) -> Arc<Self> {
        let mut links = LINKS.lock();
        links.retain(|link| link.strong_count() > 0);
        let known = links.iter().filter_map(Weak::upgrade).find(|link| link.address == address);
        known.unwrap_or_else(|| {
            let link = Arc::new(Self::new(address, None));
            links.push(Arc::downgrade(&link));
            link
        })
    }

    /// To a server that lives as long as somebody has this.
    pub(super) fn to_home(home: Home, address: Address) -> Arc<Self> {
        let link = Arc::new(Self { home: Some(home), ..Self::new(address, None) });
        LINKS.lock().push(Arc::downgrade(&link));
        link
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn call<R: DeserializeOwned>(
        &self,
        object: u64,
        method: &str,
        arguments: &impl Serialize,
        deadline: Deadline,
    ) -> Result<R, CallError> {
        let request = Parcel::pack(&(object, method, arguments))?;
        let connection = self.connection(deadline)?;
        match connection.send_parcel(&request.bytes, &request.fds, deadline) {
            Ok(()) => {}
            Err(error @ (SendError::Handles | SendError::TooManyDescriptors(_))) => {
                self.keep(connection);
                return Err(CallError::Send(error));
            }
            Err(error) => return Err(CallError::of_send(error)),
        }
        // After an error, it is dropped: a late reply is to be that of no other call.
        let reply = connection.recv_parcel(usize::MAX, deadline).map_err(CallError::of_recv)?;
        self.keep(connection);
        let (has_failed, reply) = reply.unpack_front::<bool>()?;
        if has_failed {
            let (code, text) = reply.unpack()?;
            return Err(CallError::of_code(code, text));
        }
        Ok(reply.unpack()?)
    }

    fn connection(&self, deadline: Deadline) -> Result<Connection, CallError> {
        loop {
            let Some(idle) = self.idle.lock().pop() else { break };
            // The server says nothing without being asked, but that it is closed.
            if !idle.poll() {
                return Ok(idle);
            }
        }
        self.client.connect_until(deadline).map_err(CallError::Connect)
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}
