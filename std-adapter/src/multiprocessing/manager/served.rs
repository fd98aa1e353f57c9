//! What a server calls.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::CallError;
use super::proxy::Proxy;
use crate::multiprocessing::parcel::Parcel;

/// A type whose objects a [`Server`](super::Server) can hold: [`proxy!`](crate::proxy) implements it, from a list of
/// methods.
///
/// The server calls one method of an object at a time: a method is atomic for all clients, and one that waits keeps
/// them waiting. (MP055, MP056)
///
/// ```
/// use inkle::multiprocessing::{Address, CallError, Manager, Proxy, Reply, Request, Served, Server};
///
/// // By hand: any method there is, whatever its arguments.
/// struct Echo;
///
/// impl Served for Echo {
///     type Proxy = Proxy;
///
///     fn call(&mut self, request: Request) -> Result<Reply, CallError> {
///         let name = request.method().to_owned();
///         let (text,): (String,) = request.arguments()?;
///         Reply::of(&format!("{name} {text}"))
///     }
/// }
///
/// let server = Server::bind(Address::unique()?)?;
/// server.host("echo", Echo);
/// let echo = Manager::connect(server.address()).find::<Echo>("echo")?;
/// assert_eq!(echo.call::<String>("warp", &("weft",))?, "warp weft");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Served: Send + 'static {
    /// What stands for an object elsewhere.
    type Proxy: From<Proxy>;

    /// Makes the call.
    ///
    /// Errors: [`Request::unknown`] if there is no such method; [`CallError::Arguments`] if it is not called like
    /// that.
    fn call(&mut self, request: Request) -> Result<Reply, CallError>;
}

/// A call that has arrived at its object. See [`Served`].
pub struct Request {
    pub(super) method: String,
    pub(super) arguments: Parcel,
}

impl Request {
    /// The name of the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The arguments, a tuple.
    ///
    /// Errors: [`CallError::Arguments`] if they are something else.
    pub fn arguments<A: DeserializeOwned>(self) -> Result<A, CallError> {
        self.arguments.unpack().map_err(|error| CallError::Arguments(error.to_string()))
    }

    /// The error of an object that has no such method.
    #[must_use]
    pub fn unknown(&self) -> CallError {
        CallError::NoMethod(self.method.clone())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What a method has returned. See [`Served`].
#[derive(Debug)]
pub struct Reply(pub(super) Parcel);

impl Reply {
    /// This.
    ///
    /// Errors: [`CallError::Reply`]: it cannot be made into bytes.
    pub fn of<R: Serialize>(result: &R) -> Result<Self, CallError> {
        match Parcel::pack(&(false, result)) {
            Ok(parcel) => Ok(Self(parcel)),
            Err(error) => Err(CallError::Reply(error.to_string())),
        }
    }

    /// That there is none.
    pub(super) fn failure(error: &CallError) -> Self {
        let (code, text) = error.to_code();
        // A number and a text can be packed; without them the client would see that it has no reply.
        Self(Parcel::pack(&(true, code, text)).unwrap_or_default())
    }
}
