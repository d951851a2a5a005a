//! Streams without end: taken and never read, poured at who never reads, swallowed as fast as they come; and tables
//! grown until that is refused. What is kept is bounded, and the rest waits at its sender.

use igloo_hostile::cases;

/// Where a sender waits: its own buffer and the receiver's (`net.ipv4.tcp_wmem`, `tcp_rmem`: 4 and 6 MiB at most), and
/// what the hub and the provider keep.
const ONE: u64 = 12;
const STALLED: &[&str] = &["stalled after "];

cases! {
    takes_a_stream_and_never_reads: in_hub isolated process =>
        tries("hold-stream", "127.0.0.1:{pourer}").granted(&["tcp://127.0.0.1:{pourer}"])
            .sees(stalls(super::ONE)).sees(counts("a socket", |info| info.stats.sockets == Some(1))).sees(Seen::Obeys);
    // The SDK in a component reads on by itself: `keeps_a_body_without_end` is its case.
    takes_a_body_and_never_reads: process =>
        tries("hold-body", "http://127.0.0.1:{pourer}/").granted(&["http://127.0.0.1:{pourer}"])
            .sees(stalls(super::ONE)).sees(counts("buffers", |info| info.stats.buffered_bytes >= Some(64 << 10)))
            .sees(Seen::Obeys);
    takes_a_port_and_never_reads: in_hub isolated process =>
        tries("hold-port", "meter").granted(&["serial:meter=socket://127.0.0.1:{pourer}"])
            .sees(stalls(super::ONE)).sees(counts("buffers", |info| info.stats.buffered_bytes > Some(0))).sees(Seen::Obeys);
    // As many as the limit on what is kept allows: 1 MiB, 64 KiB each.
    asks_who_never_answers_until_it_is_refused: in_hub isolated process =>
        tries("hold-bodies", "http://127.0.0.1:{other}/").granted(&["http://127.0.0.1:{other}"])
            .sees(answered(&["after 16"])).sees(logged("the limit buffers=1MiB is reached")).sees(Seen::Obeys);
    takes_bodies_until_it_is_refused: process =>
        tries("hold-bodies", "http://127.0.0.1:{pourer}/").granted(&["http://127.0.0.1:{pourer}"])
            .sees(answered(&["after 16"])).sees(logged("the limit buffers=1MiB is reached")).sees(Seen::Obeys);
    keeps_a_body_without_end: in_hub isolated =>
        tries("hoard-body", "http://127.0.0.1:{pourer}/").granted(&["http://127.0.0.1:{pourer}"])
            .sees(logged("the memory limit of 64MiB"));
    keeps_a_body_without_end_until_it_is_killed: process =>
        tries("hoard-body", "http://127.0.0.1:{pourer}/").granted(&["http://127.0.0.1:{pourer}"])
            .sees(ended("memory limit of 64MiB"));
    swallows_a_stream: in_hub isolated process =>
        tries("swallow", "127.0.0.1:{pourer}").granted(&["tcp://127.0.0.1:{pourer}"]).lasts(3)
            .sees(answered(&["done"])).sees(Seen::Obeys);
    pours_at_who_never_reads: in_hub isolated process =>
        tries("pour", "127.0.0.1:{other}").granted(&["tcp://127.0.0.1:{other}"])
            .sees(answered(super::STALLED)).sees(Seen::Obeys);
    pours_a_body_at_who_never_reads: in_hub isolated process =>
        tries("pour-body", "http://127.0.0.1:{other}/").granted(&["http://127.0.0.1:{other}"])
            .sees(answered(&["refused: "])).sees(Seen::Obeys);
    pours_at_a_port_that_never_reads: in_hub isolated process =>
        tries("pour-port", "meter").granted(&["serial:meter=socket://127.0.0.1:{other}"])
            .sees(answered(super::STALLED)).sees(Seen::Obeys);
    grows_its_tables: in_hub isolated =>
        grows_tables(0).sees(logged("the limit of 100000 table elements is reached")).sees(Seen::Obeys);
    begins_with_large_tables: in_hub isolated =>
        grows_tables(60_000).sees(ended("table")).sees(logged("the limit of 100000 table elements is reached"));
    outgrows_its_directory: in_hub isolated process =>
        tries("fill-directory", "").granted(&["private=8MiB"])
            .sees(ended("its private directory holds")).sees(logged("and its limit is private=8MiB"));
    outgrows_it_with_one_file: process =>
        tries("fill-disk", "").granted(&["private=8MiB"]).sees(ended("a file of it reached the limit private=8MiB"));
}
