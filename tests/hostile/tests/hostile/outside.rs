//! What a provider reaches for outside of itself: addresses, names, ports, files. One policy for all ways to run.
//!
//! A granted name that resolves to what was not granted (DNS rebinding) is `localhost` here, which every machine has;
//! a name server that lies is in `rebinding`.

use igloo_hostile::cases;

const REFUSED: &[&str] = &["refused: "];

cases! {
    connects_to_another_host: in_hub isolated process =>
        tries("connect", "192.0.2.1:80").granted(&["tcp://192.0.2.2:80"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "tcp://192.0.2.1:80"));
    connects_to_another_port: in_hub isolated process =>
        tries("connect", "127.0.0.1:{other}").granted(&["tcp://127.0.0.1:1"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "127.0.0.1:{other}"));
    connects_to_loopback_by_a_network: in_hub isolated process =>
        tries("connect", "127.0.0.1:{other}").granted(&["tcp://0.0.0.0/0:*"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "127.0.0.1:{other}"));
    connects_to_loopback_in_disguise: process =>
        tries("connect", "[::ffff:127.0.0.1]:{other}")
            .granted(&["tcp://0.0.0.0/0:*"])
            .sees(answered(super::REFUSED))
            .sees(denied("connect", "127.0.0.1:{other}"));
    // WASI has no such addresses: the runtime refuses them before the policy is asked.
    has_no_loopback_in_disguise: in_hub isolated =>
        tries("connect", "[::ffff:127.0.0.1]:{other}").granted(&["tcp://0.0.0.0/0:*"]).sees(answered(super::REFUSED));
    connects_to_link_local: in_hub isolated process =>
        tries("connect", "169.254.169.254:80").granted(&["tcp://0.0.0.0/0:*"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "169.254.169.254:80"));
    connects_to_link_local_of_ipv6: in_hub isolated process =>
        tries("connect", "[fe80::1]:80").granted(&["tcp://[::/0]:*"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "fe80::1"));
    connects_to_the_hubs_api: in_hub isolated process =>
        tries("connect", "127.0.0.1:{api}").granted(&["tcp://127.0.0.1:{api}"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "the hub's own API is never granted"));
    // A component's datagram is taken into a queue before it is looked at; a process is told at once.
    queues_a_datagram_elsewhere: in_hub isolated =>
        tries("send", "192.0.2.1:53").sees(denied("connect", "udp://192.0.2.1:53"));
    queues_multicast: in_hub isolated =>
        tries("send", "224.0.0.251:5353").granted(&["udp://0.0.0.0/0:*"])
            .sees(denied("connect", "udp://224.0.0.251:5353"));
    sends_a_datagram_elsewhere: process =>
        tries("send", "192.0.2.1:53").sees(answered(super::REFUSED)).sees(denied("connect", "udp://192.0.2.1:53"));
    sends_multicast: process =>
        tries("send", "224.0.0.251:5353").granted(&["udp://0.0.0.0/0:*"])
            .sees(answered(super::REFUSED)).sees(denied("connect", "udp://224.0.0.251:5353"));
    listens: in_hub isolated process =>
        tries("listen", "0.0.0.0:4711").sees(answered(super::REFUSED)).sees(denied("listen", "0.0.0.0:4711"));
    asks_for_a_name: in_hub isolated process =>
        tries("resolve", "secret.example.com").sees(answered(super::REFUSED)).sees(denied("resolve", "secret.example.com"));
    rebinds_a_name: in_hub isolated process =>
        tries("resolve", "localhost").granted(&["tcp://localhost:{other}?lan"])
            .sees(answered(super::REFUSED)).sees(denied("resolve", "it resolves to local addresses only"));
    rebinds_an_origin: in_hub isolated process =>
        tries("http", "http://localhost:{other}/").granted(&["http://localhost:{other}?lan"])
            .sees(answered(super::REFUSED)).sees(denied("http", "addresses that the grant does not allow"));
    asks_an_origin: in_hub isolated process =>
        tries("http", "http://127.0.0.1:{other}/").sees(answered(super::REFUSED))
            .sees(denied("http", "http://127.0.0.1:{other}"));
    opens_a_serial_port: in_hub isolated process =>
        tries("serial", "meter").sees(answered(super::REFUSED)).sees(denied("serial", "meter"));
    opens_a_serial_port_by_its_path: in_hub isolated process =>
        tries("serial", "/dev/ttyS0").granted(&["serial:meter=/dev/ttyS1"])
            .sees(answered(super::REFUSED)).sees(denied("serial", "/dev/ttyS0"));
    looks_for_services: in_hub isolated process =>
        tries("discover", "_secret._tcp").sees(answered(super::REFUSED)).sees(denied("discovery", "_secret._tcp"));
    reads_the_hubs_database: in_hub isolated process =>
        tries("read", "{data}/igloo.db").sees(answered(super::REFUSED));
    reads_an_absolute_path: in_hub isolated process => tries("read", "/etc/shadow").sees(answered(super::REFUSED));
    reads_above_its_directory: in_hub isolated process =>
        tries("read", "/data/../../../../../../../../etc/shadow").sees(answered(super::REFUSED));
    reads_through_a_symlink: in_hub isolated process => tries("symlink", "/etc/shadow").sees(answered(super::REFUSED));
    reads_through_a_hard_link: in_hub isolated process =>
        tries("hard-link", "{data}/igloo.db").sees(answered(super::REFUSED));
    reads_the_first_process: in_hub isolated process => tries("read", "/proc/1/environ").sees(answered(super::REFUSED));
    reads_the_hubs_memory: in_hub isolated process => tries("read", "/proc/{hub}/mem").sees(answered(super::REFUSED));
    reads_its_environment: in_hub isolated => tries("environment", "").sees(answered(&["[]"]));
    writes_elsewhere: in_hub isolated process => tries("write", "/etc/igloo-was-here").sees(answered(super::REFUSED));
}
