//! What a provider does with its own life: it fails, ends, hangs, and takes all that it can get.

use igloo_hostile::cases;

cases! {
    panics_at_the_start: in_hub isolated process =>
        life("panic-at-start").sees(ended("hostile: panics at the start"));
    fails: in_hub isolated process => life("fail").sees(ended("hostile: fails"));
    panics: in_hub isolated process => life("panic").sees(ended("hostile: panics"));
    panics_in_a_command: in_hub isolated process =>
        commands("panic", 1).sees(outcome("Interrupted")).sees(ended("hostile: panics in a command"));
    exits: in_hub isolated process => life("exit").sees(ended("exit"));
    fills_its_stack: in_hub isolated => life("fill-stack").sees(ended("stack"));
    overflows_its_stack: process => life("fill-stack").sees(ended("killed by signal"));
    is_never_ready: in_hub isolated process =>
        life("never-ready").sees(Seen::Unavailable).sees(ended("not ready after 2 s"));
    spins: in_hub isolated => life("spin").lasts(2).sees(ended("rest"));
    // A process keeps a core's share busy, and no more: nobody waits for it but its own askers.
    spins_on: process => life("spin").lasts(3).sees(counts("within its share", |info| info.ready && info.restarts == 0));
    sleeps: process => life("sleep").lasts(1).sees(counts("running", |info| info.ready));
    sleeps_in_commands_until_it_is_stuck: in_hub isolated process =>
        commands("hang", 33).granted(&["queue=40"]).sees(outcome("Timeout")).sees(ended("were never answered"));
    sleeps_in_as_many_commands_as_it_may_have: in_hub isolated process =>
        commands("hang", 33).sees(outcome("Timeout")).sees(outcome("Busy"));
    spins_in_a_command: in_hub isolated => commands("spin", 1).sees(outcome("Timeout")).sees(ended("rest"));
    allocates_until_it_is_refused: in_hub isolated => life("allocate").lasts(1).sees(logged("the memory limit of 64MiB"));
    allocates_until_it_is_killed: process => life("allocate").lasts(1).sees(ended("memory limit of 64MiB"));
    opens_sockets_until_it_is_refused: in_hub isolated process =>
        tries("sockets", "").sees(answered(&["refused:"])).sees(logged("grant sockets=512 for more"))
            .sees(Seen::Obeys);
    browses_until_it_is_refused: in_hub isolated process =>
        tries("browsers", "_hostile._tcp").granted(&["discovery:_hostile._tcp"]).sees(answered(&["after 16"]));
    describes_too_many_devices: in_hub isolated process =>
        life("too-many-devices").sees(logged("device 1023")).sees(Seen::Obeys);
    floods_writes: in_hub isolated process =>
        life("flood-writes").lasts(2).sees(counts("writing", |info| info.writes > 1000));
    floods_its_log: in_hub isolated process =>
        life("flood-log").lasts(2).sees(counts("losing lines", |info| info.lost_log_lines > 100));
    floods_its_output: in_hub isolated process =>
        life("flood-output").lasts(2).sees(counts("losing lines", |info| info.lost_log_lines > 100));
    floods_events: in_hub isolated process =>
        life("flood-events").lasts(2).sees(counts("losing events", |info| info.lost_events > 100));
    answers_at_great_length: in_hub isolated process => tries("long-answer", "").sees(answered(&["large", "long", "limit", "Interrupted"]));
    fills_its_store: in_hub isolated process => tries("fill-store", "").sees(answered(&["refused: "])).sees(Seen::Obeys);
}
