//! The low level: threads without handles, and a lock that anybody may release.
//!
//! ```text
//! cargo run -p inkle --example thread
//! ```

use std::error::Error;

use inkle::thread::{allocate_lock, exit, get_ident, start_joinable_thread, start_new_thread};

fn main() -> Result<(), Box<dyn Error>> {
    // Held until another thread releases it: the oldest way to wait for one.
    let done = allocate_lock();
    done.acquire();
    let released = done.clone();
    let ident = start_new_thread(move || {
        if let Err(error) = released.release() {
            println!("{error}");
        }
    })?;
    done.acquire();
    println!("{ident} has run, and {} has waited", get_ident());

    // One with a handle, which leaves its function early.
    let handle = start_joinable_thread(|| exit())?;
    println!("{:?}, and alive: {}", handle.join(), handle.is_alive());
    Ok(())
}
