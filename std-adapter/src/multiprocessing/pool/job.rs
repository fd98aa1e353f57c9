//! A job: a function and its argument on the way to a worker, and the future that waits for the result.

use std::io;
use std::marker::PhantomData;
use std::mem::transmute;
use std::ptr::NonNull;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mailbox::{Cargo, Received};
use super::reply::{Outcome, attempt};
use crate::concurrent::{FutureError, Promise, Reader, Settle};
use crate::contextvars::{Afresh, Context, Inherited};
use crate::multiprocessing::call::{Call, Place, Task};
use crate::multiprocessing::error::EncodeError;
use crate::multiprocessing::image;
use crate::multiprocessing::parcel::Parcel;

/// What a worker is to do: a task that is called with a context and an argument.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) place: Place,
    pub(super) cargo: Cargo,
}

/// An order cannot be made.
#[derive(Debug)]
pub(super) enum OrderError {
    Encode(EncodeError),
    /// The function is not one of the program but of a library.
    NotInImage,
    /// There is no memory, or no descriptor, for a large argument.
    System(io::Error),
}

impl From<EncodeError> for OrderError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl Order {
    /// To call a function of no bytes.
    pub(super) fn one<F, A>(_: F, arguments: &A) -> Result<Self, OrderError>
    where
        F: Call<A, Output: Serialize>,
        A: Serialize + DeserializeOwned + 'static,
    {
        Self::new(Task::of(one::<F, A>), &(Packed::here()?, arguments))
    }

    /// To call the function at an address.
    pub(super) fn one_at<A, R>(function: fn(A) -> R, argument: &A) -> Result<Self, OrderError>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        Self::new(Task::of(one_at::<A, R>), &(Packed::here()?, Pointer::to(function)?, argument))
    }

    /// To call it with each of `arguments`.
    pub(super) fn many_at<A, R>(
        function: fn(A) -> R,
        arguments: &Vec<A>,
    ) -> Result<Self, OrderError>
    where
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        Self::new(Task::of(many_at::<A, R>), &(Packed::here()?, Pointer::to(function)?, arguments))
    }

    fn new(task: &'static Task, arguments: &impl Serialize) -> Result<Self, OrderError> {
        let image = image::own().ok_or(OrderError::NotInImage)?;
        let cargo = Cargo::of(Parcel::pack(arguments)?).map_err(OrderError::System)?;
        Ok(Self { place: task.place(image), cargo })
    }
}

fn one<F: Call<A>, A>(context: Arrived, arguments: A) -> Outcome<F::Output> {
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: it has no bytes and can be copied; and there is one: `Order::one` was given it.
    let function: F = unsafe { NonNull::dangling().read() };
    context.run(|| attempt(|| function.call(arguments)))
}

fn one_at<A, R>(context: Arrived, function: Pointer<A, R>, argument: A) -> Outcome<R> {
    context.run(|| attempt(|| function.get()(argument)))
}

fn many_at<A, R>(context: Arrived, function: Pointer<A, R>, arguments: Vec<A>) -> Vec<Outcome<R>> {
    let function = function.get();
    context.run(|| {
        let context = Afresh::from_here();
        let call = |item| {
            context.again();
            attempt(|| function(item))
        };
        arguments.into_iter().map(call).collect()
    })
}

/// What of the submitter's context travels.
struct Packed(Vec<u8>);

impl Packed {
    fn here() -> Result<Self, OrderError> {
        Ok(Self(Inherited::from_here().pack().map_err(EncodeError::of)?))
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// It, in the worker.
struct Arrived(Context);

impl Arrived {
    fn run<R>(self, function: impl FnOnce() -> R) -> R {
        self.0.into_inherited().run(function)
    }
}

impl<'de> Deserialize<'de> for Arrived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::deserialize(deserializer)?;
        Context::unpack(&bytes).map(Self).map_err(D::Error::custom)
    }
}

/// The place of a function in the image. What it is read from lay in shared memory: it is believed only if a sum is
/// right, so that bytes which a dying process left half-written are an error and no jump.
struct Pointer<A, R> {
    address: usize,
    types: PhantomData<fn(A) -> R>,
}

impl<A, R> Pointer<A, R> {
    fn to(function: fn(A) -> R) -> Result<Self, OrderError> {
        let address = function as usize;
        match image::own() {
            Some(image) if image.is_text(address) => Ok(Self { address, types: PhantomData }),
            _ => Err(OrderError::NotInImage),
        }
    }

    fn get(&self) -> fn(A) -> R {
        // SAFETY: `to` was given it, or the function at the same place of the same image in another process: that is what
        // the sum says, and that the task which reads it is one of these types.
        unsafe { transmute(self.address) }
    }
}

impl<A, R> Serialize for Pointer<A, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let image = image::own().ok_or_else(|| serde::ser::Error::custom("no image"))?;
        let offset = image.offset(self.address);
        (offset, sum(offset)).serialize(serializer)
    }
}

impl<'de, A, R> Deserialize<'de> for Pointer<A, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (offset, its_sum) = <(u64, u64)>::deserialize(deserializer)?;
        image::own()
            .filter(|_| its_sum == sum(offset))
            .and_then(|image| image.readable(offset, 1).filter(|address| image.is_text(*address)))
            .map(|address| Self { address, types: PhantomData })
            .ok_or_else(|| D::Error::custom("this is no function of the program"))
    }
}

/// Not a secret: it tells bytes that [`Pointer`] has written from others.
fn sum(offset: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = (offset ^ ODD).wrapping_mul(ODD);
    mixed ^ (mixed >> 29)
}

/// An order, and who waits for what becomes of it.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) order: Order,
    pub(super) settle: Box<dyn Settle<Received>>,
    /// Whether its future says that it runs.
    pub(super) begun: bool,
    /// Whether somebody has asked it to stop since.
    pub(super) stopped: bool,
    /// How often a worker died of it.
    pub(super) deaths: u32,
    /// How often that may be, and it is tried again.
    pub(super) retries: u32,
    pub(super) timeout: Option<Duration>,
}

/// Who waits for one call.
pub(super) fn one_result<R: DeserializeOwned + Send + 'static>(
    promise: Promise<R>,
) -> Box<dyn Settle<Received>> {
    let read = |came: Received| came.unpack::<Outcome<R>>().map_err(FutureError::failed)?.into();
    Box::new(Reader { promise, read })
}

/// Who waits for many.
pub(super) fn many_results<R: DeserializeOwned + Send + 'static>(
    promise: Promise<Vec<Result<R, FutureError>>>,
) -> Box<dyn Settle<Received>> {
    let read = |came: Received| {
        let all = came.unpack::<Vec<Outcome<R>>>().map_err(FutureError::failed)?;
        Ok(all.into_iter().map(Outcome::into).collect())
    };
    Box::new(Reader { promise, read })
}
