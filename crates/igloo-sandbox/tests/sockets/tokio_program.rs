//! A tokio program: this test's own binary, executed again.

use std::{io::ErrorKind, time::Duration};

use igloo_sandbox::sockets::Protocol;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
    time::timeout,
};

use crate::support::{DEADLINE, Grants, arguments, closed_port, run, tcp_echo, tcp_trap, this_program, udp_echo};

#[test]
fn tokio_works_unchanged() {
    let (tcp, udp, port) = (tcp_echo(), udp_echo(), closed_port());
    let (trap, caught) = tcp_trap();
    let grants = Grants::new(&[(Protocol::Tcp, tcp), (Protocol::Udp, udp), (Protocol::Tcp, port)]);
    grants.listen.lock().insert(port);
    run(this_program("tokio_program::program", &format!("{tcp} {udp} {port} {trap}")), &grants);
    assert_eq!(caught.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a program for another test"]
async fn program() {
    let [tcp, udp, port, trap] = <[String; 4]>::try_from(arguments()).unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..100_u8 {
        let tcp = tcp.clone();
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(&tcp).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(&[number; 1000]).await.unwrap();
            let mut answer = [0; 1000];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, [number; 1000]);
        });
    }
    tasks.join_all().await;

    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.send_to(b"datagram", &udp).await.unwrap();
    let mut answer = [0; 100];
    let (length, _) = timeout(DEADLINE, socket.recv_from(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer[..length], b"datagram");
    assert_eq!(socket.send_to(b"x", &trap).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(TcpStream::connect(&trap).await.unwrap_err().kind(), ErrorKind::PermissionDenied);

    let server = TcpListener::bind(&port).await.unwrap();
    assert!(timeout(Duration::from_millis(50), server.accept()).await.is_err());
    let (accepted, connected) = tokio::join!(server.accept(), TcpStream::connect(&port));
    let (mut accepted, mut connected) = (accepted.unwrap().0, connected.unwrap());
    accepted.write_all(b"welcome").await.unwrap();
    let mut answer = [0; 7];
    connected.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"welcome");
}
