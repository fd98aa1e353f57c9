//! What other libraries keep for a thread, carried with the context. In a process of their own, as carriers
//! stay for good.

use std::pin::pin;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use inkle::contextvars::{Carried, Carrier, FutureExt, add_carrier, copy_context};
use inkle::sched::{Scheduler, VirtualClock};
use inkle::threading::{self, Timer};

/// What `see` sees behind each door, if it is called within what is to be carried.
fn everywhere<T: Send + 'static>(see: fn() -> T) -> Vec<T> {
    let mut seen = vec![
        threading::spawn(see).unwrap().join().unwrap(),
        threading::scope(|scope| scope.spawn(see).unwrap().join().unwrap()).unwrap(),
        Timer::start(Duration::ZERO, see).unwrap().join().unwrap(),
        copy_context().run(see).unwrap(),
    ];
    let (send, receive) = std::sync::mpsc::channel();
    let scheduler = Scheduler::with_clock(VirtualClock::jumping());
    scheduler.enter(Duration::from_secs(1), 0, move || send.send(see()).unwrap()).unwrap();
    // By a thread that has nothing.
    std::thread::spawn(move || scheduler.run().unwrap()).join().unwrap();
    seen.push(receive.recv().unwrap());
    let future = async move { see() }.with_context(copy_context());
    let polled = std::thread::spawn(move || {
        let mut context = task::Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(seen) => seen,
            Poll::Pending => unreachable!(),
        }
    });
    seen.push(polled.join().unwrap());
    seen
}

#[test]
fn opentelemetry_contexts() {
    use opentelemetry::Context;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Request(u32);
    struct Contexts;
    struct Attached(Context);

    impl Carrier for Contexts {
        fn capture(&self) -> Option<Box<dyn Carried>> {
            Some(Box::new(Attached(Context::current())))
        }
    }
    impl Carried for Attached {
        fn within(&self, f: &mut dyn FnMut()) {
            let _attached = self.0.clone().attach();
            f();
        }
    }

    fn request() -> Option<Request> {
        Context::current().get::<Request>().copied()
    }
    add_carrier(Contexts);
    let with_request = {
        let _request = Context::current_with_value(Request(7)).attach();
        everywhere(request)
    };
    assert_eq!(with_request, [Some(Request(7)); 6]);
    assert_eq!(everywhere(request), [None; 6]);
}

#[cfg(feature = "tracing")]
#[test]
fn tracing_spans() {
    use inkle::contextvars::TracingSpans;
    use tracing::{Metadata, Span};

    fn name() -> Option<&'static str> {
        Span::current().metadata().map(Metadata::name)
    }
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    add_carrier(TracingSpans);
    let spans = tracing::info_span!("request").in_scope(|| everywhere(name));
    assert_eq!(spans, [Some("request"); 6]);
    assert_eq!((everywhere(name), name()), (vec![None; 6], None));
    // Spans within stay within.
    tracing::info_span!("outer").in_scope(|| {
        let seen = threading::spawn(|| tracing::info_span!("inner").in_scope(name));
        assert_eq!((seen.unwrap().join().unwrap(), name()), (Some("inner"), Some("outer")));
    });
}
