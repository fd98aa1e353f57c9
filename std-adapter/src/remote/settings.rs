//! Where the server is, who asks, and how long silence is borne.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Where the server is, who asks, and how long silence is borne: what executors and workers have in common.
///
/// Those find each other that name the same servers, the same [realm](Self::realm) and the same
/// [version](Self::version). `Debug` does not show secrets.
///
/// ```
/// use std::time::Duration;
/// use inkle::remote::Settings;
///
/// let settings = Settings::new("nats://loom.example:4222")
///     .realm("weavers")
///     .version("2.1")
///     .credentials_file("/etc/loom.creds")
///     .require_tls(true)
///     .lease(Duration::from_secs(10));
/// # let _ = settings;
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing by themselves"]
pub struct Settings {
    servers: Vec<String>,
    pub(super) realm: String,
    pub(super) version: String,
    login: Login,
    tls: Tls,
    connect_timeout: Duration,
    pub(super) lease: Duration,
    pub(super) ahead: u32,
    pub(super) largest: u64,
}

#[derive(Clone, Serialize, Deserialize)]
enum Login {
    Nobody,
    User(String, String),
    Token(String),
    NKey(String),
    Credentials(PathBuf),
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Tls {
    required: bool,
    roots: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

/// The settings as a launcher tells them, secrets and all: only to the worker that it starts.
#[derive(Serialize, Deserialize)]
pub(super) struct Said {
    servers: Vec<String>,
    realm: String,
    version: String,
    login: Login,
    tls: Tls,
    connect_timeout: Duration,
    lease: Duration,
    ahead: u32,
    largest: u64,
}

impl From<Said> for Settings {
    fn from(said: Said) -> Self {
        let Said { servers, realm, version, login, tls, connect_timeout, lease, ahead, largest } =
            said;
        Self { servers, realm, version, login, tls, connect_timeout, lease, ahead, largest }
    }
}

impl Settings {
    /// For another process.
    pub(super) fn say(&self) -> Said {
        let Self { servers, realm, version, login, tls, connect_timeout, lease, ahead, largest } =
            self.clone();
        Said { servers, realm, version, login, tls, connect_timeout, lease, ahead, largest }
    }

    /// The servers' addresses as everybody may read them: an address may have a name and a password in it.
    fn shown(&self) -> Vec<String> {
        let shown = |address: &String| match address.rsplit_once('@') {
            Some((before, host)) => {
                let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
                format!("{scheme}{host}")
            }
            None => address.clone(),
        };
        self.servers.iter().map(shown).collect()
    }

    /// The server at this address, `nats://HOST:PORT` or `tls://HOST:PORT`; nothing else is said.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            servers: vec![server.into()],
            realm: "inkle".into(),
            version: String::new(),
            login: Login::Nobody,
            tls: Tls::default(),
            connect_timeout: Duration::from_secs(5),
            lease: Duration::from_secs(5),
            ahead: 2,
            largest: 256 << 20,
        }
    }

    /// One more server of the same cluster, for when the first is not there.
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.servers.push(address.into());
        self
    }

    /// Whose workers these are: letters, digits, `-` and `_`. Unless told otherwise `inkle`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The version of the code. A worker of another one refuses the work, with an error that names both. To
    /// be changed when a function that is registered does something else than before, or a type that
    /// travels has other fields: the fingerprint of the types, which is always compared, has only their
    /// names. Unless told otherwise it is empty.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Name and password.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Login::User(name.into(), password.into());
        self
    }

    /// A token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.login = Login::Token(token.into());
        self
    }

    /// The seed of an nkey, which begins with `SU`. It does not leave this process.
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.login = Login::NKey(seed.into());
        self
    }

    /// A file with a user's credentials.
    pub fn credentials_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.login = Login::Credentials(path.into());
        self
    }

    /// No connection without TLS.
    pub fn require_tls(mut self, required: bool) -> Self {
        self.tls.required = required;
        self
    }

    /// A file with certificates of those who may vouch for the server, beside those that the system knows.
    pub fn root_certificates(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.roots = Some(path.into());
        self
    }

    /// Files with this side's certificate and its key, for servers that ask for one.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.client = Some((certificate.into(), key.into()));
        self
    }

    /// How long to try to connect at first; later it is tried for ever. Unless told otherwise 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// A worker of which nothing was heard for so long is lost. It is to be the same on both sides: a
    /// worker beats four times in it. Only times of one machine are compared with each other, so their
    /// clocks need not agree. At least 40 ms; unless told otherwise 5 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// So many tasks for each slot of a worker are with it at a time, in fast mode: those it does and those
    /// that wait there. More is faster for small tasks; but they count as begun, so that nobody can cancel
    /// them, and wait behind long ones though other workers may be idle. At least 1; unless told otherwise
    /// 2.
    pub fn ahead(mut self, tasks: u32) -> Self {
        self.ahead = tasks.max(1);
        self
    }

    /// The most bytes of a task's arguments, and of its results. What is larger than a message of the
    /// server's may be (1 MiB, mostly) goes through its object store, for which it needs JetStream. Unless
    /// told otherwise 256 MiB.
    pub fn largest(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }

    /// So long a worker that takes nothing more waits for a server that is away, to tell it what it has done.
    pub(super) fn parting(&self) -> Duration {
        self.lease.min(Duration::from_secs(1))
    }

    /// Between two beats.
    pub(super) fn beat(&self) -> Duration {
        self.lease / 4
    }

    /// What this is about, for messages between executors and workers.
    pub(super) fn subject(&self, of: impl fmt::Display) -> String {
        format!("inkle.{}.{of}", self.realm)
    }

    fn check(&self) -> Result<(), ConnectError> {
        check_word(&self.realm).map_err(ConnectError::BadRealm)?;
        if self.lease < Duration::from_millis(40) {
            return Err(ConnectError::ShortLease(self.lease));
        }
        Ok(())
    }

    /// Connects, in the runtime that is to look after the connection; then it stays, or comes again.
    pub(super) async fn connect(&self, who: &str) -> Result<Link, ConnectError> {
        self.check()?;
        let refused = |error: &dyn fmt::Display| ConnectError::Settings(error.to_string());
        let (tell, is_up) = watch::channel(true);
        let mut options = ConnectOptions::new()
            .name(format!("inkle {who}"))
            .connection_timeout(self.connect_timeout)
            .ping_interval((self.lease / 2).max(Duration::from_millis(500)))
            .client_capacity(1 << 16)
            .subscription_capacity(1 << 18)
            .reconnect_delay_callback(|attempts| {
                Duration::from_millis(50 << attempts.min(5)).min(Duration::from_secs(1))
            })
            .event_callback(move |event| {
                match event {
                    Event::Connected => tell.send_replace(true),
                    Event::Disconnected => tell.send_replace(false),
                    _ => true,
                };
                std::future::ready(())
            })
            .require_tls(self.tls.required);
        if let Some(path) = &self.tls.roots {
            options = options.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &self.tls.client {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        options = match self.login.clone() {
            Login::Nobody => options,
            Login::User(name, password) => options.user_and_password(name, password),
            Login::Token(token) => options.token(token),
            Login::NKey(seed) => options.nkey(seed),
            Login::Credentials(path) => options
                .credentials_file(&path)
                .await
                .map_err(|error| refused(&format_args!("{}: {error}", path.display())))?,
        };
        let servers: Result<Vec<async_nats::ServerAddr>, _> =
            self.servers.iter().map(|server| server.parse()).collect();
        let servers = servers.map_err(|error| refused(&error))?;
        let connecting = timeout(self.connect_timeout, options.connect(servers));
        let client = match connecting.await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(ConnectError::of(self, error)),
            Err(_) => return Err(ConnectError::NoServer(self.shown(), "timed out".into())),
        };
        Ok(Link { client, is_up })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("servers", &self.shown())
            .field("realm", &self.realm)
            .field("version", &self.version)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// Whether it is, or comes from, what the TLS library has to say.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        // An error of a stream does not give the one within as its source, but that one's.
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<async_nats::rustls::Error>()
            || within.is_some_and(|within| within.is::<async_nats::rustls::Error>())
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Letters, digits, `-` and `_`; what is not comes back.
pub(super) fn check_word(word: &str) -> Result<(), String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !word.is_empty() && word.chars().all(is_good) { Ok(()) } else { Err(word.to_owned()) }
}

/// A connection.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    /// Whether it is there now.
    pub(super) is_up: watch::Receiver<bool>,
}

impl Link {
    /// Waits until all has been sent; not if the connection breaks, and for no longer than this.
    pub(super) async fn flush(&self, at_most: Duration) {
        let mut is_up = self.is_up.clone();
        tokio::select! {
            _ = self.client.flush() => {}
            _ = is_up.wait_for(|is_up| !is_up) => {}
            () = sleep(at_most) => {}
        }
    }

    /// Waits until there has been no connection for so long.
    pub(super) async fn is_lost(&self, long: Duration) {
        let mut is_up = self.is_up.clone();
        // If nobody tells any more, there is none and will be none.
        while is_up.wait_for(|is_up| !is_up).await.is_ok() {
            if timeout(long, is_up.wait_for(|is_up| *is_up)).await.is_err() {
                return;
            }
        }
    }
}

/// There is no connection to a server.
///
/// ```
/// use inkle::remote::{ConnectError, RemoteExecutor, Settings};
///
/// let nowhere = Settings::new("nats://127.0.0.1:1");
/// assert!(matches!(RemoteExecutor::connect(&nowhere), Err(ConnectError::NoServer(..))));
/// let bad = Settings::new("nats://127.0.0.1:1").realm("all.of.them");
/// assert!(matches!(RemoteExecutor::connect(&bad), Err(ConnectError::BadRealm(_))));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// None of these servers answers, and this is what the last one did.
    NoServer(Vec<String>, String),
    /// The server does not know who asks, or does not let him in.
    Denied(String),
    /// The two cannot agree on TLS.
    Tls(String),
    /// An address, or a file with credentials, is none.
    Settings(String),
    /// A realm is a word of letters, digits, `-` and `_`.
    BadRealm(String),
    /// A job's name is a word of letters, digits, `-` and `_`.
    BadJob(String),
    /// A lease has at least 40 ms.
    ShortLease(Duration),
    /// The server keeps nothing: it was started without JetStream, or does not allow it.
    NoStore(String),
    /// The system refused a thread, or what a pool needs.
    Refused(Arc<dyn Error + Send + Sync>),
}

impl ConnectError {
    fn of(settings: &Settings, error: async_nats::ConnectError) -> Self {
        use async_nats::ConnectErrorKind as Kind;
        let text = error.to_string();
        match error.kind() {
            Kind::ServerParse => Self::Settings(text),
            Kind::Authentication | Kind::AuthorizationViolation => Self::Denied(text),
            Kind::Tls => Self::Tls(text),
            // What one says of the other's certificate comes as an error of the stream.
            _ if is_of_tls(&error) => Self::Tls(text),
            _ => Self::NoServer(settings.shown(), text),
        }
    }

    pub(super) fn refused(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused(Arc::new(error))
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer(servers, why) => {
                write!(f, "no server answers at {}: {why}", servers.join(", "))
            }
            Self::Denied(why) => write!(f, "the server does not let us in: {why}"),
            Self::Tls(why) => write!(f, "no agreement on TLS: {why}"),
            Self::Settings(why) => write!(f, "the settings are wrong: {why}"),
            Self::BadRealm(realm) => {
                write!(f, "{realm:?} is no realm: letters, digits, `-` and `_` only")
            }
            Self::BadJob(job) => {
                write!(f, "{job:?} is no name of a job: letters, digits, `-` and `_` only")
            }
            Self::ShortLease(lease) => {
                write!(f, "a lease of {lease:?} is too short: 40 ms at least")
            }
            Self::NoStore(why) => write!(f, "the server keeps nothing (JetStream): {why}"),
            Self::Refused(error) => write!(f, "the system refused: {error}"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(error) => Some(&**error),
            _ => None,
        }
    }
}
