//! What the broker costs, and that it keeps nothing. Figures are printed: `-- cost --nocapture`.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Instant,
};

use igloo_sandbox::sockets::Protocol;

use crate::support::{Grants, Sandbox, arguments, tcp_echo, tcp_trap, text, this_program};

/// What goes through an echo.
const BYTES: usize = 64 * 1024 * 1024;
/// Connections, one after the other.
const CONNECTIONS: usize = 5000;

/// Runs a program without the broker, and with it.
fn both(program: &str, argument: SocketAddr, unit: &str) {
    let direct = this_program(program, &argument.to_string()).output().unwrap();
    let grants = Grants::new(&[(Protocol::Tcp, argument)]);
    let brokered = Sandbox::start(this_program(program, &argument.to_string()), &grants).finish();
    let figure = |out: &str| out.lines().find_map(|line| line.strip_prefix("figure ")?.parse::<f64>().ok()).unwrap();
    let [direct, brokered] = [&direct, &brokered].map(|output| figure(&text(output)));
    println!("{program}: {brokered:.1} {unit} brokered, {direct:.1} {unit} direct");
}

#[test]
fn a_connected_socket_is_as_fast_as_any() {
    both("cost::echo_program", tcp_echo(), "MiB/s");
}

#[test]
#[ignore = "a program for another test"]
fn echo_program() {
    let stream = TcpStream::connect(arguments()[0].as_str()).unwrap();
    let start = Instant::now();
    let sent: Vec<u8> = (0..64 * 1024).map(|at| (at % 251) as u8).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..BYTES / sent.len() {
                (&stream).write_all(&sent).unwrap();
            }
        });
        let mut data = vec![0; 64 * 1024];
        for _ in 0..BYTES / data.len() {
            (&stream).read_exact(&mut data).unwrap();
            assert!(data == sent);
        }
    });
    println!("\nfigure {}", (BYTES / (1024 * 1024)) as f64 / start.elapsed().as_secs_f64());
}

#[test]
fn many_connections_leave_no_descriptor_behind() {
    let before = descriptors();
    both("cost::connect_program", tcp_trap().0, "µs");
    // Other tests open some at the same time.
    assert!(descriptors() < before + 1000, "{before} before, {} after", descriptors());
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
#[ignore = "a program for another test"]
fn connect_program() {
    let address: SocketAddr = arguments()[0].parse().unwrap();
    // The median: socket, connect and close. Some wait for the server, which has a thread to accept them.
    let mut times: Vec<f64> = (0..CONNECTIONS)
        .map(|_| {
            let start = Instant::now();
            drop(TcpStream::connect(address).unwrap());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("\nfigure {}", times[CONNECTIONS / 2]);
}
