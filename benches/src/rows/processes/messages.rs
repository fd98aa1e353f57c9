//! A number goes to another process and comes back.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use inkle::multiprocessing::{Connection, Process, Queue, pipe};
use ipc_channel::ipc::{self, IpcOneShotServer, IpcReceiver, IpcSender};

use super::{helper, ours, peer, python, timed};
use crate::harness::{Bar, Contender, Kept};
use crate::threads::{on_the_first, pin};

/// What one of the two processes has.
trait Ends {
    fn send(&self, number: u64);
    fn receive(&self) -> u64;
}

/// Sent once, when the row is done.
const STOP: u64 = u64::MAX;

/// What the other process does.
fn echo(ends: &impl Ends) {
    pin(1);
    loop {
        let number = ends.receive();
        ends.send(number);
        if number == STOP {
            return;
        }
    }
}

/// The ends of this process, and the other process.
struct Link<E: Ends> {
    ends: E,
    process: Process<()>,
}

impl<E: Ends> Link<E> {
    fn round_trips(&self, count: u64) -> Duration {
        on_the_first(|| {
            timed(|| {
                for number in 0..count {
                    self.ends.send(number);
                    assert_eq!(self.ends.receive(), number);
                }
            })
        })
    }
}

impl<E: Ends> Drop for Link<E> {
    fn drop(&mut self) {
        self.ends.send(STOP);
        self.ends.receive();
        let _ = self.process.join();
    }
}

fn kept<E: Ends + 'static>(open: fn() -> Link<E>) -> Kept {
    let mut made = None;
    Box::new(move |count| {
        let link = made.get_or_insert_with(|| {
            let link = open();
            // The other process has started.
            link.round_trips(1);
            link
        });
        link.round_trips(count)
    })
}

struct Queues {
    out: Queue<u64>,
    back: Queue<u64>,
}

impl Ends for Queues {
    fn send(&self, number: u64) {
        assert!(self.out.put(number).is_ok());
    }

    fn receive(&self) -> u64 {
        self.back.get().unwrap()
    }
}

fn echo_queues(back: Queue<u64>, out: Queue<u64>) {
    echo(&Queues { out, back });
}

fn queues() -> Link<Queues> {
    let (out, back) = (Queue::new().unwrap(), Queue::new().unwrap());
    let process = helper(echo_queues, (out.clone(), back.clone()));
    Link { ends: Queues { out, back }, process }
}

impl Ends for Connection {
    fn send(&self, number: u64) {
        Connection::send(self, &number).unwrap();
    }

    fn receive(&self) -> u64 {
        self.recv().unwrap()
    }
}

fn echo_connection(connection: Connection) {
    echo(&connection);
}

fn connection() -> Link<Connection> {
    let (ends, theirs) = pipe().unwrap();
    Link { ends, process: helper(echo_connection, (theirs,)) }
}

/// The system's pipes, without any format.
struct Pipes {
    out: File,
    back: File,
    /// Open until the other process has opened them too.
    _theirs: Option<[OwnedFd; 2]>,
}

impl Ends for Pipes {
    fn send(&self, number: u64) {
        (&self.out).write_all(&number.to_ne_bytes()).unwrap();
    }

    fn receive(&self) -> u64 {
        let mut bytes = [0; 8];
        (&self.back).read_exact(&mut bytes).unwrap();
        u64::from_ne_bytes(bytes)
    }
}

fn echo_pipes(back: String, out: String) {
    let out = File::options().write(true).open(out).unwrap();
    echo(&Pipes { out, back: File::open(back).unwrap(), _theirs: None });
}

fn pipes() -> Link<Pipes> {
    let [(back_there, out), (back, out_there)] = [(), ()].map(|()| rustix::pipe::pipe().unwrap());
    let path = |fd: &OwnedFd| format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd());
    let process = helper(echo_pipes, (path(&back_there), path(&out_there)));
    let ends = Pipes { out: out.into(), back: back.into(), _theirs: Some([back_there, out_there]) };
    Link { ends, process }
}

/// `ipc-channel`.
struct Channels {
    out: IpcSender<u64>,
    back: IpcReceiver<u64>,
}

impl Ends for Channels {
    fn send(&self, number: u64) {
        self.out.send(number).unwrap();
    }

    fn receive(&self) -> u64 {
        self.back.recv().unwrap()
    }
}

fn echo_channels(server: String) {
    let server = IpcSender::<(IpcSender<u64>, IpcReceiver<u64>)>::connect(server).unwrap();
    let (out, back_there) = ipc::channel().unwrap();
    let (out_there, back) = ipc::channel().unwrap();
    server.send((out_there, back_there)).unwrap();
    echo(&Channels { out, back });
}

fn channels() -> Link<Channels> {
    let (server, name) = IpcOneShotServer::new().unwrap();
    let process = helper(echo_channels, (name,));
    let (_, (out, back)) = server.accept().unwrap();
    Link { ends: Channels { out, back }, process }
}

#[cfg(feature = "iceoryx2")]
mod iceoryx {
    use iceoryx2::port::publisher::Publisher;
    use iceoryx2::port::subscriber::Subscriber;
    use iceoryx2::prelude::*;

    use super::{Ends, Link, echo, helper};
    use crate::pipe::patience;

    /// Published and looked for: that is what it has for the fastest way, and no sleep. The same patience as for
    /// the queues of threads that answer at once.
    pub(super) struct Services {
        out: Publisher<ipc::Service, u64, ()>,
        back: Subscriber<ipc::Service, u64, ()>,
        _node: Node<ipc::Service>,
    }

    impl Services {
        fn new(out: &str, back: &str) -> Self {
            set_log_level(LogLevel::Fatal);
            let node = NodeBuilder::new().create::<ipc::Service>().unwrap();
            let service = |name: &str| {
                let name = name.try_into().unwrap();
                node.service_builder(&name).publish_subscribe::<u64>().open_or_create().unwrap()
            };
            let out = service(out).publisher_builder().create().unwrap();
            let back = service(back).subscriber_builder().create().unwrap();
            Self { out, back, _node: node }
        }
    }

    impl Ends for Services {
        fn send(&self, number: u64) {
            let sample = self.out.loan_uninit().unwrap().write_payload(number);
            let mut sent = sample.send().unwrap();
            let mut looks = 0;
            // Before the other process has subscribed nobody gets it.
            while sent == 0 {
                patience(&mut looks);
                sent = self.out.send_copy(number).unwrap();
            }
        }

        fn receive(&self) -> u64 {
            let mut looks = 0;
            loop {
                if let Some(sample) = self.back.receive().unwrap() {
                    return *sample;
                }
                patience(&mut looks);
            }
        }
    }

    fn names(owner: u32) -> [String; 2] {
        ["there", "back"].map(|way| format!("inkle bench {owner} {way}"))
    }

    fn echo_services(owner: u32) {
        let [there, back] = names(owner);
        echo(&Services::new(&back, &there));
    }

    pub(super) fn services() -> Link<Services> {
        let owner = std::process::id();
        let [there, back] = names(owner);
        let ends = Services::new(&there, &back);
        Link { ends, process: helper(echo_services, (owner,)) }
    }
}

pub(super) fn contenders() -> Vec<Contender> {
    let bar = Bar { ratio: 1.0, against: Some("pipe") };
    let mut contenders = vec![
        ours("Queue", Some(bar), kept(queues)),
        ours("Connection", None, kept(connection)),
        peer("pipe", kept(pipes)),
        peer("ipc-channel", kept(channels)),
    ];
    #[cfg(feature = "iceoryx2")]
    contenders.push(peer("iceoryx2, polled", kept(iceoryx::services)));
    contenders.extend(python::contender("Python's Queue", ["message", "Queue"]));
    contenders
}
