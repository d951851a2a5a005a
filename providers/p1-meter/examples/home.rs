//! Writes `telegrams/home.txt`: ten minutes of a home with three phases, solar panels, a gas and a water meter, a
//! telegram every ten seconds. For trying things out without a meter:
//!
//! ```text
//! cargo run -p p1-meter --example home > providers/p1-meter/telegrams/home.txt
//! ```

#![allow(clippy::print_stdout, reason = "its output is the file")]

#[path = "../src/framing.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is the provider's, and only its checksum is needed here")]
mod framing;

use framing::seal;

/// What happens: from and until which telegram, on which phase, how many watts.
const LOADS: [(std::ops::Range<u32>, usize, i32); 7] = [
    (0..60, 0, 140),   // always on
    (0..60, 1, 95),    // always on
    (4..26, 2, 85),    // fridge
    (8..21, 0, 2050),  // kettle
    (15..44, 1, 620),  // washing machine
    (30..36, 1, 1500), // it heats
    (48..60, 2, 85),   // fridge
];

fn main() {
    // In Wh and 1/1000 Wh: so that the counters rise by what the power says.
    let (mut delivered, mut returned) = (4_321_087_000_u64, 1_234_567_000_u64);
    for step in 0..60_u32 {
        let mut phases = [0_i32; 3];
        for (when, phase, watts) in &LOADS {
            if when.contains(&step) {
                // A little unrest, the same in every run.
                phases[*phase] += watts + (step * 7919 % 13).cast_signed() - 6;
            }
        }
        // Clouds pass over the panels on the third phase.
        let cloud = (step.cast_signed() - 38).abs().min(12);
        phases[2] -= 400 + 90 * cloud;

        let net: i32 = phases.iter().sum();
        let (plus, minus) = (net.max(0).unsigned_abs(), net.min(0).unsigned_abs());
        delivered += u64::from(plus) * 10_000 / 3600;
        returned += u64::from(minus) * 10_000 / 3600;
        print!("{}", seal(&telegram(step, phases, plus, minus, delivered / 1000, returned / 1000)));
    }
}

fn telegram(step: u32, phases: [i32; 3], plus: u32, minus: u32, delivered: u64, returned: u64) -> String {
    let time = |step: u32| format!("250614{:02}{:02}{:02}S", 13 + step / 360, step / 6 % 60, step % 6 * 10);
    let kilo = |units: u64| format!("{:06}.{:03}", units / 1000, units % 1000);
    let kw = |watts: u32| format!("{:02}.{:03}*kW", watts / 1000, watts % 1000);
    let mut lines = vec![
        r"/IGL5\2HOME-3".to_owned(),
        String::new(),
        "1-3:0.2.8(50)".to_owned(),
        format!("0-0:1.0.0({})", time(step)),
        // "E0047000012345620" and, below, "G0039001234567819" and "W0012000098765420".
        "0-0:96.1.1(4530303437303030303132333435363230)".to_owned(),
        "1-0:1.8.1(002105.438*kWh)".to_owned(),
        format!("1-0:1.8.2({}*kWh)", kilo(delivered)),
        "1-0:2.8.1(000511.212*kWh)".to_owned(),
        format!("1-0:2.8.2({}*kWh)", kilo(returned)),
        "0-0:96.14.0(0002)".to_owned(),
        format!("1-0:1.7.0({})", kw(plus)),
        format!("1-0:2.7.0({})", kw(minus)),
        "0-0:96.7.21(00007)".to_owned(),
        "0-0:96.7.9(00002)".to_owned(),
        "1-0:99.97.0(1)(0-0:96.7.19)(240311081532W)(0000005340*s)".to_owned(),
    ];
    for (object, counts) in [("32.0", [1, 0, 0]), ("36.0", [0, 0, 1])] {
        let count = |(line, count)| format!("1-0:{line}.{object}({count:05})");
        lines.extend([32, 52, 72].into_iter().zip(counts).map(count));
    }
    lines.push("0-0:96.13.0()".to_owned());
    for (line, watts) in [32, 52, 72].into_iter().zip(phases) {
        let decivolts = 2305 + (step + line) % 5 - watts.unsigned_abs() / 500;
        lines.push(format!("1-0:{line}.7.0({:03}.{}*V)", decivolts / 10, decivolts % 10));
    }
    let amperes = |(line, watts): (u32, i32)| format!("1-0:{line}.7.0({:03}*A)", (watts.unsigned_abs() + 115) / 230);
    lines.extend([31, 51, 71].into_iter().zip(phases).map(amperes));
    let drawn = |(line, watts): (u32, i32)| format!("1-0:{line}.7.0({})", kw(watts.max(0).unsigned_abs()));
    lines.extend([21, 41, 61].into_iter().zip(phases).map(drawn));
    let given = |(line, watts): (u32, i32)| format!("1-0:{line}.7.0({})", kw(watts.min(0).unsigned_abs()));
    lines.extend([22, 42, 62].into_iter().zip(phases).map(given));
    // Gas is read every five minutes, water too.
    let read = step / 30 * 30;
    lines.extend([
        "0-1:24.1.0(003)".to_owned(),
        "0-1:96.1.0(4730303339303031323334353637383139)".to_owned(),
        format!("0-1:24.2.1({})({:05}.{:03}*m3)", time(read), 3187, 402 + read),
        "0-2:24.1.0(007)".to_owned(),
        "0-2:96.1.0(5730303132303030303938373635343230)".to_owned(),
        format!("0-2:24.2.1({})({:05}.{:03}*m3)", time(read), 518, 77 + 2 * read),
        "!".to_owned(),
    ]);
    lines.join("\r\n")
}
