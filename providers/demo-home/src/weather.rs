//! The weather station: warm afternoons, cold nights, wind and rain by chance.

use crate::{chance::Chance, clock::wave};
use igloo::{Update, prelude::*};
use std::cell::Cell;

pub(crate) struct Weather {
    temperature: Component<kinds::Temperature>,
    humidity: Component<kinds::Humidity>,
    pressure: Component<kinds::Pressure>,
    wind: Component<kinds::WindSpeed>,
    bearing: Component<kinds::WindBearing>,
    rain: Component<kinds::RainRate>,
    state: Cell<State>,
    chance: Chance,
}

#[derive(Debug, Clone, Copy)]
struct State {
    celsius: f64,
    pascal: f64,
    wind: f64,
    bearing: f64,
    rain: f64,
}

impl Weather {
    pub(crate) fn describe(home: &Home) -> igloo::Result<Self> {
        let mut device = Device::new("weather", "Weather station")
            .manufacturer("Igloo")
            .model("Demo weather")
            .suggested_group("Garden");
        let air = device.entity("air", "Air").sensor();
        let (temperature, humidity) = (air.temperature().precision(1), air.humidity().precision(0));
        let pressure = air.pressure().precision(0);
        let wind = device.entity("wind", "Wind").sensor();
        let (speed, bearing) = (wind.wind_speed().precision(1), wind.wind_bearing().precision(0));
        let rain = device.entity("rain", "Rain").sensor().rain_rate().precision(1);
        home.describe(device)?;
        let state = Cell::new(State { celsius: 11.0, pascal: 101_325.0, wind: 3.0, bearing: 240.0, rain: 0.0 });
        Ok(Self { temperature, humidity, pressure, wind: speed, bearing, rain, state, chance: Chance::new() })
    }

    /// One tick; the temperature outside.
    pub(crate) fn live(&self, hour: f64) -> f64 {
        let State { celsius, pascal, wind, bearing, rain } = self.state.get();
        let goal = 11.0 + 5.0 * wave(hour, 15.0);
        let celsius = celsius + (goal - celsius) * 0.02 + self.chance.jitter(0.02);
        let wet = if rain > 0.0 { self.chance.share() > 0.01 } else { self.chance.share() > 0.999 };
        self.state.set(State {
            celsius,
            pascal: (pascal + self.chance.jitter(5.0)).clamp(98_000.0, 104_000.0),
            wind: (wind + self.chance.jitter(0.15)).clamp(0.0, 18.0),
            bearing: (bearing + self.chance.jitter(2.0)).rem_euclid(360.0),
            rain: if wet { (rain + self.chance.jitter(0.2)).clamp(0.1, 8.0) } else { 0.0 },
        });
        celsius
    }

    pub(crate) fn tell(&self) -> [Update; 6] {
        let State { celsius, pascal, wind, bearing, rain } = self.state.get();
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        let humidity = if rain > 0.0 { 92.0 } else { (78.0 - (celsius - 8.0) * 2.5).clamp(25.0, 90.0) };
        [
            self.temperature.to(tenth(celsius)),
            self.humidity.to(humidity.round()),
            self.pressure.to(pascal.round()),
            self.wind.to(tenth(wind)),
            self.bearing.to(bearing.round()),
            self.rain.to(tenth(rain)),
        ]
    }
}
