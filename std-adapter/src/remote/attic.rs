//! Messages that are too large to be sent: they lie in the server's object store, and what is sent says where.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::object_store::{Config, ObjectStore};
use async_nats::jetstream::{self, Context};
use tokio::io::AsyncReadExt;

use super::settings::{Link, Settings};
use super::wire::{Parcel, Raw, Refused};

/// Of a message, beside what is in it.
const SLACK: usize = 4096;

/// What nobody has removed is.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// See the module.
#[derive(Clone)]
pub(super) struct Attic {
    client: Client,
    context: Context,
    bucket: String,
    largest: u64,
}

impl Attic {
    pub(super) fn new(link: &Link, settings: &Settings) -> Self {
        Self {
            client: link.client.clone(),
            context: jetstream::new(link.client.clone()),
            bucket: format!("inkle-{}-large", settings.realm),
            largest: settings.largest,
        }
    }

    /// Whether so many bytes do not go as a message.
    pub(super) fn is_large(&self, bytes: &[u8]) -> bool {
        bytes.len() + SLACK > self.client.server_info().max_payload
    }

    async fn open(&self) -> Result<ObjectStore, String> {
        if let Ok(store) = self.context.get_object_store(&self.bucket).await {
            return Ok(store);
        }
        let config = Config { bucket: self.bucket.clone(), max_age: KEEP, ..Config::default() };
        self.context.create_object_store(config).await.map_err(|error| error.to_string())
    }

    /// Stores what is too large, under this name.
    pub(super) async fn put(&self, name: String, message: Vec<u8>) -> Result<Parcel, Refused> {
        if !self.is_large(&message) {
            return Ok(Parcel::Here(Raw(message)));
        }
        let bytes = message.len() as u64;
        self.check(bytes)?;
        let most = self.client.server_info().max_payload as u64;
        // Without a store a message is all that there is.
        let store = self.open().await.map_err(|_| Refused::TooLarge(bytes, most))?;
        match store.put(&*name, &mut &*message).await {
            Ok(_) => Ok(Parcel::Away { name, bytes }),
            Err(error) => Err(Refused::Store(error.to_string())),
        }
    }

    /// What was put.
    pub(super) async fn get(&self, parcel: Parcel) -> Result<Vec<u8>, Refused> {
        let (name, bytes) = match parcel {
            Parcel::Here(Raw(message)) => return Ok(message),
            Parcel::Away { name, bytes } => (name, bytes),
        };
        self.check(bytes)?;
        self.read(&name, bytes).await.map_err(Refused::Store)
    }

    async fn read(&self, name: &str, bytes: u64) -> Result<Vec<u8>, String> {
        let store = self.open().await?;
        let object = store.get(name).await.map_err(|error| error.to_string())?;
        let mut message = Vec::new();
        // What is more than was said is not read.
        object.take(bytes).read_to_end(&mut message).await.map_err(|error| error.to_string())?;
        Ok(message)
    }

    /// Nobody needs it any more.
    pub(super) async fn remove(&self, parcel: &Parcel) {
        if let (Parcel::Away { name, .. }, Ok(store)) = (parcel, self.open().await) {
            // Else it goes when it is old.
            let _ = store.delete(name).await;
        }
    }

    fn check(&self, bytes: u64) -> Result<(), Refused> {
        if bytes <= self.largest { Ok(()) } else { Err(Refused::TooLarge(bytes, self.largest)) }
    }
}
