//! Functions that can be called in another process.
//!
//! A function item and a closure that captures nothing have no bytes: all that there is to say of one is its type.
//! So each function that is sent somewhere has a [`Task`] of its own in the image, a static that knows how to call
//! it, and the place of that static is what is sent. The other side looks whether a task lies there, and whether it
//! is of the same types, before it calls anything.

use std::any::type_name;
use std::marker::PhantomData;
use std::ptr::NonNull;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{DecodeError, EncodeError};
use super::image::Image;
use super::parcel::{self, Fds, Parcel};

/// A function that can be called in another process: `Args` is a tuple of up to eight arguments.
///
/// Implemented for functions and for closures that capture nothing. What has bytes (a closure that captures, a
/// function pointer) is refused when it is compiled; what it captures is to be an argument. What has no bytes goes
/// with a closure that captures it: a token that stands for something that was done in this process says the same
/// there, where it was not done.
///
/// ```
/// use inkle::multiprocessing::Call;
///
/// fn product(a: u32, b: u32) -> u32 {
///     a * b
/// }
///
/// fn call<A, F: Call<A>>(f: F, args: A) -> F::Output {
///     f.call(args)
/// }
///
/// assert_eq!(call(product, (6, 7)), 42);
/// assert_eq!(call(|text: String| text.len(), ("warp".to_owned(),)), 4);
/// ```
pub trait Call<Args>: Copy + Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it here.
    fn call(&self, args: Args) -> Self::Output;
}

macro_rules! callable {
    ($($arg:ident)*) => {
        impl<F, R, $($arg),*> Call<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> R + Copy + Send + Sync + 'static,
        {
            type Output = R;

            #[allow(non_snake_case)]
            fn call(&self, ($($arg,)*): ($($arg,)*)) -> R {
                self($($arg),*)
            }
        }
    };
}

callable!();
callable!(A);
callable!(A B);
callable!(A B C);
callable!(A B C D);
callable!(A B C D E);
callable!(A B C D E G);
callable!(A B C D E G H);
callable!(A B C D E G H I);

/// The call, with its arguments: what is left is to make it.
pub(super) type Job = Box<dyn FnOnce() -> Result<Parcel, EncodeError>>;

/// How one function is called. Lies in the image.
#[repr(C)]
pub(super) struct Task {
    mark: [u64; 2],
    types: fn() -> String,
    prepare: unsafe fn(&[u8], Fds) -> Result<Job, DecodeError>,
}

/// No other word pair of the image is likely to be this one; a change of `Task` changes it.
const MARK: [u64; 2] = [0x696e_6b6c_6520_7461, 0xb7e1_5162_8aed_2a6a];

/// Which function, for another process of the same image: the place of its task, and a number made of its types.
pub(super) type Place = (u64, u64);

struct Of<F, A>(PhantomData<(F, A)>);

impl<F, A> Of<F, A>
where
    F: Call<A, Output: Serialize>,
    A: DeserializeOwned + 'static,
{
    const TASK: &'static Task =
        &Task { mark: MARK, types: types::<F, A>, prepare: prepare::<F, A> };
}

fn types<F: Call<A>, A>() -> String {
    format!("{}: {}", type_name::<F>(), signature::<A, F::Output>())
}

/// Arguments and result, for people and to be compared.
pub(super) fn signature<A, R>() -> String {
    format!("fn{} -> {}", type_name::<A>(), type_name::<R>())
}

/// # Safety
///
/// In a process of this image somebody has had an `F`.
unsafe fn prepare<F, A>(args: &[u8], fds: Fds) -> Result<Job, DecodeError>
where
    F: Call<A, Output: Serialize>,
    A: DeserializeOwned + 'static,
{
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: it has no bytes, it can be copied, and the caller knows that there is one.
    let f: F = unsafe { NonNull::dangling().read() };
    let args: A = parcel::unpack(args, fds)?;
    Ok(Box::new(move || Parcel::pack(&f.call(args))))
}

impl Task {
    /// That of `f`.
    pub(super) const fn of<F, A>(_f: F) -> &'static Self
    where
        F: Call<A, Output: Serialize>,
        A: DeserializeOwned + 'static,
    {
        const {
            assert!(
                size_of::<F>() == 0,
                "only a function or a closure that captures nothing can be called in another \
                 process: make what it captures an argument",
            );
        }
        Of::<F, A>::TASK
    }

    /// What to tell another process.
    pub(super) fn place(&'static self, image: &Image) -> Place {
        (image.offset(std::ptr::from_ref(self) as usize), self.fingerprint())
    }

    /// What another process has told, if there is such a task here.
    pub(super) fn at((offset, fingerprint): Place, image: &Image) -> Option<&'static Self> {
        let address = image.readable(offset, size_of::<Self>())?;
        if address % align_of::<Self>() != 0 {
            return None;
        }
        const WORDS: usize = size_of::<[fn(); 2]>() / size_of::<usize>();
        // SAFETY: bytes of the image's that can be read and lie as they should. That somebody writes to some of
        // them at this moment is possible only if they are no task; integers of any value are fine.
        let (mark, functions) = unsafe {
            let start = address as *const [u64; 2];
            (start.read_volatile(), start.add(1).cast::<[usize; WORDS]>().read_volatile())
        };
        if mark != MARK || !functions.iter().all(|function| image.is_text(*function)) {
            return None;
        }
        // SAFETY: the mark says that it is one, and it is nowhere but at the start of one.
        let task = unsafe { &*(address as *const Self) };
        (task.fingerprint() == fingerprint).then_some(task)
    }

    fn fingerprint(&self) -> u64 {
        // FNV-1a.
        (self.types)().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Reads the arguments, and leaves the call to be made.
    ///
    /// # Safety
    ///
    /// Somebody has had the function: who has named it in a process of this image, or registered it.
    pub(super) unsafe fn prepare(&self, args: &[u8], fds: Fds) -> Result<Job, DecodeError> {
        // SAFETY: the caller's promise.
        unsafe { (self.prepare)(args, fds) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::image;
    use super::*;

    fn double(number: u32) -> u32 {
        2 * number
    }

    #[test]
    fn only_the_place_of_a_task_of_these_types_is_one() {
        let image = image::own().unwrap();
        let task = Task::of::<_, (u32,)>(double);
        let (offset, types) = task.place(image);
        assert!(std::ptr::eq(Task::at((offset, types), image).unwrap(), task));
        assert!(Task::at((offset, types ^ 1), image).is_none(), "of other types");
        for other in [1, 4, 8, 16, 0_u64.wrapping_sub(8)] {
            assert!(Task::at((offset.wrapping_add(other), types), image).is_none(), "{other}");
        }
        let code = double as fn(u32) -> u32 as usize;
        assert!(Task::at((image.offset(code) & !7, types), image).is_none(), "in the code");
        for outside in [u64::MAX, u64::MAX - 64, 1 << 62, 1 << 47] {
            assert!(Task::at((outside, types), image).is_none(), "{outside:x}");
        }
        // The end of what can be read: whatever lies there, no byte behind it is looked at.
        let end = image.ends().map(|end| image.offset(end));
        for place in end.flat_map(|end| (0..=64).map(move |back| end.wrapping_sub(back))) {
            assert!(Task::at((place, types), image).is_none());
        }
        let mut stack = [0_usize; 8];
        stack[0] = 7;
        let here = image.offset(stack.as_ptr() as usize);
        assert!(Task::at((here, types), image).is_none(), "not in the image");
    }

    #[test]
    fn a_task_calls_its_function() {
        let args = Parcel::pack(&(21_u32,)).unwrap();
        // SAFETY: here is the function.
        let job = unsafe { Task::of(double).prepare(&args.bytes, args.fds) }.unwrap();
        assert_eq!(job().unwrap().unpack::<u32>().unwrap(), 42);
        let args = Parcel::pack(&("x",)).unwrap();
        // SAFETY: as above.
        assert!(unsafe { Task::of(double).prepare(&args.bytes, args.fds) }.is_err());
    }
}
