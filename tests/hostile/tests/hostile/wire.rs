//! What a process can say wrongly. `docs/process-protocol.md` says what comes of it.

use igloo_hostile::cases;

cases! {
    // One unknown message ended the original's whole hub.
    original_one_unknown_message_ends_nothing: process =>
        breaks("unknown_message").sees(logged("frobnicate")).sees(Seen::Obeys);
    sends_thousands_of_unknown_messages: process =>
        breaks("unknown_messages").sees(logged("frobnicate-0")).sees(Seen::Obeys)
            .sees(counts("quiet about most of them", |info| info.lost_log_lines < 100));
    sends_an_unknown_field: process => breaks("unknown_field").sees(logged("colour")).sees(Seen::Obeys);
    asks_for_the_unknown: process => breaks("unknown_request").sees(logged("malformed")).sees(Seen::Obeys);
    has_an_unknown_kind: process => breaks("unknown_kind").sees(counts("kept", |info| info.ready && info.devices == 1));
    sends_a_huge_frame: process => breaks("huge_frame").sees(ended("frame"));
    sends_a_frame_above_the_limit: process => breaks("frame_above_the_limit").sees(ended("frame"));
    sends_a_truncated_frame: process => breaks("truncated_frame").sees(ended("without saying that it is finished"));
    sends_half_a_frame_and_waits: process =>
        breaks("half_a_frame").sees(counts("running", |info| info.ready && info.restarts == 0));
    sends_garbage_frames: process => breaks("garbage_frames").sees(ended("it broke the protocol"));
    sends_garbage: process => breaks("garbage").sees(ended("it broke the protocol"));
    sends_empty_frames: process => breaks("empty_frames").sees(ended("malformed messages"));
    nests_too_deep: process => breaks("nested").sees(ended("malformed messages"));
    promises_lengths: process => breaks("promised_lengths").sees(ended("malformed messages"));
    answers_with_wrong_ids: process => breaks("wrong_ids").sees(Seen::Obeys).sees(Seen::Obeys);
    answers_twice: process => breaks("answers_twice").sees(Seen::Obeys).sees(Seen::Obeys);
    asks_many_times_with_one_id: process => breaks("same_call_twice").sees(Seen::Obeys);
    says_no_hello: process => breaks("no_hello").sees(ended("its first message was not `hello`"));
    #[ignore = "waits for the ten seconds that a hello may take"]
    says_nothing: process => breaks("silent").sees(ended("did not say hello within 10 s"));
    says_hello_twice: process => breaks("hello_twice").sees(ended("it said hello twice"));
    speaks_another_version: process => breaks("other_version").sees(ended("it speaks version 99.0"));
    // The first 64 bad updates of a list are told.
    touches_others_devices: process =>
        breaks("others_devices").sees(logged("64 of 4095 were refused"))
            .sees(counts("without a write", |info| info.writes == 0)).sees(Seen::Obeys);
    claims_anothers_name: process => breaks("others_name").sees(logged("the field")).sees(Seen::Obeys);
    floods_writes: process => breaks("flood_writes").lasts(2).sees(counts("writing", |info| info.writes > 1000));
    floods_its_log: process =>
        breaks("flood_logs").lasts(2).sees(counts("losing lines", |info| info.lost_log_lines > 100));
    floods_answers: process => breaks("flood_answers").lasts(2).sees(counts("running", |info| info.ready));
    #[ignore = "waits for the ten seconds that a socket may be left unread"]
    floods_calls_and_reads_nothing: process => breaks("flood_calls").sees(ended("does not read its socket"));
    #[ignore = "waits for the ten seconds that a socket may be left unread"]
    never_reads_its_socket: process => breaks("never_reads").sees(ended("does not read its socket"));
    floods_its_output: process =>
        breaks("flood_output").lasts(2).sees(counts("losing lines", |info| info.lost_log_lines > 100));
    sends_descriptors: process => breaks("flood_descriptors").sees(logged("descriptors")).sees(Seen::Obeys);
    closes_its_socket_and_lives_on: process =>
        breaks("closes_its_socket").lasts(1).sees(ended("it closed its socket and did not end"));
}
