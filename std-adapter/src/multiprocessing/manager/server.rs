//! The process, or the thread, where the objects are.
//!
//! Each connection has a thread, which makes one call after the other; each object a lock. To end, the sockets are
//! shut down, which wakes whoever waits for a client, and the threads are waited for.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::error::CallError;
use super::served::{Reply, Request, Served};
use crate::multiprocessing::auth;
use crate::multiprocessing::connection::{AcceptError, Address, Connection, Listener};
use crate::multiprocessing::error::{RecvError, SendError};
use crate::multiprocessing::parcel::Parcel;
use crate::os::socket;
use crate::platform::{Deadline, after};
use crate::queue::TimedOut;
use crate::threading::{Builder, Event, JoinError, Mutex, Panic, Thread};

/// The number of the server itself.
pub(super) const ITSELF: u64 = 0;
/// Bytes of a request.
const LIMIT: usize = 64 << 20;
/// What a server that is dropped waits for calls that run. (NC005)
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Until it is seen whether there is room for another connection.
const PAUSE: Duration = Duration::from_millis(20);

/// Holds objects, and makes the calls of those who have proxies for them, on threads of its own, from the start until
/// it is [shut down](Self::shutdown) or dropped. (MP054, MP055)
///
/// Only who has the key can connect; requests have at most 64 MiB, unless the listener has another
/// [limit](Listener::limit). A method that panics fails its call, and nothing else. Somebody who has the key can call
/// any method of any object.
///
/// ```
/// use inkle::multiprocessing::{Address, CallError, Manager, Server, proxy};
///
/// struct Counter(u32);
///
/// impl Counter {
///     fn add(&mut self, n: u32) -> u32 {
///         self.0 = self.0.checked_add(n).expect("too much");
///         self.0
///     }
/// }
///
/// proxy! {
///     struct CounterProxy for Counter {
///         fn add(n: u32) -> u32;
///     }
/// }
///
/// let server = Server::bind(Address::unique()?)?;
/// server.register("Counter", |(start,): (u32,)| Counter(start));
///
/// // In another process, or here.
/// let manager = Manager::connect(server.address());
/// let counter = manager.create::<Counter>("Counter", &(5u32,))?;
/// assert_eq!(counter.add(2)?, 7);
/// assert!(matches!(counter.add(u32::MAX), Err(CallError::Panicked(_))));
/// assert_eq!(counter.add(1)?, 8);
///
/// drop(server);
/// assert!(counter.add(1).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    state: Arc<State>,
    accepting: Thread<()>,
}

struct State {
    listener: Listener,
    closing: Event,
    objects: Mutex<Objects>,
    guests: Mutex<Guests>,
}

struct Objects {
    /// The last number that was given.
    last: u64,
    held: HashMap<u64, Arc<Object>>,
    names: HashMap<String, u64>,
    makers: HashMap<String, Arc<Maker>>,
}

type Maker = dyn Fn(Request) -> Result<Object, CallError> + Send + Sync;
type Call = dyn FnMut(Request) -> Result<Reply, CallError> + Send;

/// An object, and how it is called.
pub(super) struct Object(Mutex<Box<Call>>);

/// Connections and their threads.
struct Guests {
    last: u64,
    open: HashMap<u64, (Arc<Connection>, Arc<Thread<()>>)>,
}

impl Object {
    pub(super) fn new(mut object: impl Served) -> Self {
        Self(Mutex::new(Box::new(move |request| object.call(request))))
    }
}

impl Server {
    /// Serves at this address, with the [`authkey`](crate::multiprocessing::authkey) of this process.
    ///
    /// Errors: as [`Listener::bind`]; there can be no more threads.
    pub fn bind(address: impl Into<Address>) -> io::Result<Self> {
        Self::start(Listener::bind(address)?.limit(LIMIT))
    }

    /// Serves those who come to this listener, with its key and its limits.
    ///
    /// Errors: there can be no more threads.
    pub fn start(listener: Listener) -> io::Result<Self> {
        let objects = Objects {
            // Not those of a server that was here before.
            last: u64::from(u32::from_ne_bytes(first(&auth::random()?))) << 31,
            held: HashMap::new(),
            names: HashMap::new(),
            makers: HashMap::new(),
        };
        let state = Arc::new(State {
            listener,
            closing: Event::new(),
            objects: Mutex::new(objects),
            guests: Mutex::new(Guests { last: 0, open: HashMap::new() }),
        });
        let its = Arc::clone(&state);
        let accepting = thread("manager").spawn(move || its.accept()).map_err(refused)?;
        Ok(Self { state, accepting })
    }

    /// Where it can be found.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.state.listener.address()
    }

    /// Holds this object, to be [found](super::Manager::find) under this name. What had the name before is found no
    /// more, but is still there for those who have a proxy.
    pub fn host(&self, name: impl Into<String>, object: impl Served) {
        let mut objects = self.state.objects.lock();
        let number = objects.insert(Object::new(object));
        objects.names.insert(name.into(), number);
    }

    /// Has clients [create](super::Manager::create) objects of a type by this name. `make` is given their arguments,
    /// a tuple. (MP055)
    pub fn register<S: Served, A: DeserializeOwned>(
        &self,
        type_name: impl Into<String>,
        make: impl Fn(A) -> S + Send + Sync + 'static,
    ) {
        let maker = move |request: Request| Ok(Object::new(make(request.arguments()?)));
        self.state.objects.lock().makers.insert(type_name.into(), Arc::new(maker));
    }

    /// How many objects it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.objects.lock().held.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes no more calls, and waits without limit for those that run; they get their replies.
    pub fn shutdown(&self) {
        // Without a deadline there is none to miss.
        let _ = self.shutdown_until(Deadline::NEVER);
    }

    /// As [`shutdown`](Self::shutdown), until `deadline`; then calls that still run get no reply.
    ///
    /// Errors: [`TimedOut`]: some still run.
    pub fn shutdown_until(&self, deadline: impl Into<Deadline>) -> Result<(), TimedOut> {
        let deadline = deadline.into();
        self.state.closing.set();
        self.state.listener.close();
        // Before that, somebody may still come in.
        let accepting = self.accepting.join_until(deadline);
        let threads: Vec<_> = {
            let guests = self.state.guests.lock();
            // Their replies can still go out.
            guests
                .open
                .values()
                .for_each(|(connection, _)| socket::shut_down_reading(&**connection));
            guests.open.values().map(|(_, thread)| Arc::clone(thread)).collect()
        };
        let joined: Vec<_> = threads.iter().map(|thread| thread.join_until(deadline)).collect();
        let guests = self.state.guests.lock();
        guests.open.values().for_each(|(connection, _)| socket::shut_down(&**connection));
        let is_late = |joined: &Result<(), JoinError>| matches!(joined, Err(JoinError::TimedOut));
        if is_late(&accepting) || joined.iter().any(is_late) { Err(TimedOut) } else { Ok(()) }
    }

    /// As [`shutdown_until`](Self::shutdown_until), for at most `timeout`.
    pub fn shutdown_timeout(&self, timeout: Duration) -> Result<(), TimedOut> {
        self.shutdown_until(after(timeout))
    }
}

/// Shuts it down; waits at most a second for calls that run.
impl Drop for Server {
    fn drop(&mut self) {
        // What still runs then gets no reply.
        let _ = self.shutdown_timeout(PATIENCE);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(self.address()).finish()
    }
}

impl State {
    fn accept(self: &Arc<Self>) {
        loop {
            match self.listener.accept() {
                Ok(connection) => self.enter(connection),
                Err(AcceptError::Closed) => return,
                Err(AcceptError::Authentication | AcceptError::TimedOut) => {}
                // There is no room for one more: somebody may leave.
                Err(AcceptError::Os(_)) => drop(self.closing.wait_timeout(PAUSE)),
            }
        }
    }

    fn enter(self: &Arc<Self>, connection: Connection) {
        let connection = Arc::new(connection);
        let mut guests = self.guests.lock();
        guests.last += 1;
        let number = guests.last;
        let (its, its_connection) = (Arc::clone(self), Arc::clone(&connection));
        let serve = move || {
            its.serve(&its_connection);
            its.guests.lock().open.remove(&number);
        };
        // Without a thread he is hung up on. The thread cannot leave before it is listed: the lock is ours.
        if let Ok(thread) = thread("manager-client").spawn(serve) {
            guests.open.insert(number, (connection, Arc::new(thread)));
        }
    }

    fn serve(&self, connection: &Connection) {
        while !self.closing.is_set() {
            let reply = match connection.recv_within_limit(Deadline::NEVER) {
                Ok(request) => self.answer(request),
                Err(error @ RecvError::TooLong { .. }) => match connection.skip() {
                    Ok(()) => Reply::failure(&CallError::TooLong(error.to_string())),
                    Err(_) => return,
                },
                Err(_) => return,
            };
            let sent = connection.send_parcel(&reply.0.bytes, &reply.0.fds, Deadline::NEVER);
            let sent = match sent {
                Err(error @ (SendError::Handles | SendError::TooManyDescriptors(_))) => {
                    let failure = Reply::failure(&CallError::Reply(error.to_string()));
                    connection.send_parcel(&failure.0.bytes, &[], Deadline::NEVER)
                }
                sent => sent,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: Parcel) -> Reply {
        // The object stays as it is: another call may find it half changed, as after an error.
        let answered = catch_unwind(AssertUnwindSafe(|| self.call(request)));
        let answered = answered
            .unwrap_or_else(|payload| Err(CallError::Panicked(Panic::new(payload).to_string())));
        answered.unwrap_or_else(|error| Reply::failure(&error))
    }

    fn call(&self, request: Parcel) -> Result<Reply, CallError> {
        let unread =
            |error: crate::multiprocessing::DecodeError| CallError::Arguments(error.to_string());
        let ((number, method), arguments) =
            request.unpack_front::<(u64, String)>().map_err(unread)?;
        let request = Request { method, arguments };
        if number == ITSELF {
            return self.call_itself(request);
        }
        let object = self.objects.lock().held.get(&number).cloned();
        let object = object.ok_or(CallError::NoObject)?;
        let mut call = object.0.lock();
        call(request)
    }

    fn call_itself(&self, request: Request) -> Result<Reply, CallError> {
        let object = match request.method() {
            "ping" => {
                let () = request.arguments()?;
                return Reply::of(&());
            }
            "find" => {
                let (name,): (String,) = request.arguments()?;
                let number = self.objects.lock().names.get(&name).copied();
                return Reply::of(&number.ok_or(CallError::NoObject)?);
            }
            "remove" => {
                let (number,): (u64,) = request.arguments()?;
                // Dropped when the lock is not held any more.
                let removed = self.objects.lock().remove(number);
                return Reply::of(&removed.map(drop).ok_or(CallError::NoObject)?);
            }
            "create" => {
                let unread = |error: crate::multiprocessing::DecodeError| {
                    CallError::Arguments(error.to_string())
                };
                let (name, arguments) =
                    request.arguments.unpack_front::<String>().map_err(unread)?;
                let maker = self.objects.lock().makers.get(&name).cloned();
                let maker = maker.ok_or_else(|| CallError::NoType(name.clone()))?;
                maker(Request { method: name, arguments })?
            }
            _ => {
                let unknown = request.unknown();
                let method = request.method.clone();
                super::make_ready(&method, request)?.ok_or(unknown)?
            }
        };
        Reply::of(&self.objects.lock().insert(object))
    }
}

/// For `multiprocessing::fuzzed`: requests one after the other, of somebody who has the key. A panic is for the fuzzer to
/// see, which has a hook for it.
#[cfg(inkle_fuzz)]
pub fn fuzzed(mut bytes: &[u8]) {
    use crate::multiprocessing::fuzzed::take;

    const METHODS: [&str; 32] = [
        "ping",
        "find",
        "remove",
        "create",
        "dict",
        "list",
        "set",
        "namespace",
        "value",
        "insert",
        "update",
        "get",
        "get_or_insert",
        "contains_key",
        "len",
        "clear",
        "keys",
        "values",
        "items",
        "push",
        "extend",
        "pop",
        "index",
        "reverse",
        "copy",
        "contains",
        "names",
        "replace",
        "compare_exchange",
        "Counter",
        "",
        "\u{1f980}",
    ];
    static SERVER: std::sync::LazyLock<Option<Server>> = std::sync::LazyLock::new(|| {
        let server = crate::multiprocessing::Address::unique().and_then(Server::bind).ok()?;
        server.register("Counter", |(): ()| super::Dict::new());
        Some(server)
    });
    let Some(server) = &*SERVER else { return };
    {
        let mut objects = server.state.objects.lock();
        (objects.last, objects.held, objects.names) = (0, HashMap::new(), HashMap::new());
    }
    server.host("hosted", super::List::new());
    while !bytes.is_empty() {
        let [method, number, length] = take(&mut bytes);
        let (arguments, rest) = bytes.split_at(bytes.len().min(length.into()));
        bytes = rest;
        // The whole request is chosen, or its arguments.
        let parcel = match method {
            255 => Ok(Parcel { bytes: arguments.to_vec(), fds: Vec::new() }),
            _ => {
                let method = METHODS[usize::from(method) % METHODS.len()];
                Parcel::pack(&(u64::from(number % 8), method))
            }
        };
        let Ok(mut parcel) = parcel else { continue };
        if method != 255 {
            parcel.bytes.extend(arguments);
        }
        let held = server.len();
        let Reply(reply) = server.state.answer(parcel);
        assert!(server.len() <= held + 1);
        let code = reply.unpack_front::<bool>();
        let Ok((failed, rest)) = code else { panic!("a reply that nobody can read") };
        if failed {
            let Ok((code, text)) = rest.unpack::<(u8, String)>() else { panic!("no failure") };
            assert!(!matches!(CallError::of_code(code, text), CallError::Panicked(_)));
        }
    }
}

impl Objects {
    fn insert(&mut self, object: Object) -> u64 {
        self.last += 1;
        self.held.insert(self.last, Arc::new(object));
        self.last
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Object>> {
        self.names.retain(|_, named| *named != number);
        self.held.remove(&number)
    }
}

fn first(bytes: &[u8; auth::LENGTH]) -> [u8; 4] {
    let mut first = [0; 4];
    first.copy_from_slice(&bytes[..4]);
    first
}

/// A daemon: the end of the process does not wait for clients.
fn thread(name: &str) -> Builder {
    Builder::new().name(name).daemon(true)
}

fn refused<F>(error: crate::threading::SpawnError<F>) -> io::Error {
    io::Error::other(error.to_string())
}
