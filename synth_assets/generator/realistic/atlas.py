"""Literal tables of the realistic world: where people live, what they buy, and when they pay."""

from __future__ import annotations

from typing import NamedTuple


class Currency(NamedTuple):
    """A currency: its ISO 4217 code and decimals, its units per US dollar, and the banknote of its cash machines.

    The amounts at a cash machine are multiples of the banknote, which is in major units.
    """

    code: str
    per_dollar: float
    decimals: int
    banknote: int


class Country(NamedTuple):
    """A country: its ISO 3166-1 code, its currency, and the share of its phones that run iOS."""

    code: str
    currency: str
    ios_share: float


class City(NamedTuple):
    """A city: where it is (in degrees), its IANA time zone, and its inhabitants in millions."""

    name: str
    country: str
    latitude: float
    longitude: float
    zone: str
    millions: float


class Trade(NamedTuple):
    """What a merchant sells, by its MCC.

    Amounts are log-normal with the median (in dollars) and sigma. The weights say how often the trade is paid in a
    store and online.
    """

    mcc: str
    median: float
    sigma: float
    in_store: float
    online: float


CURRENCIES: tuple[Currency, ...] = (
    Currency("AED", 3.67, 2, 100),
    Currency("AUD", 1.52, 2, 20),
    Currency("BRL", 5.39, 2, 50),
    Currency("CAD", 1.37, 2, 20),
    Currency("EUR", 0.92, 2, 20),
    Currency("GBP", 0.78, 2, 10),
    Currency("INR", 83.7, 2, 500),
    Currency("JPY", 151.0, 0, 1_000),
    Currency("KRW", 1363.0, 0, 10_000),
    Currency("MXN", 18.3, 2, 100),
    Currency("NZD", 1.65, 2, 20),
    Currency("PLN", 3.98, 2, 50),
    Currency("SEK", 10.6, 2, 100),
    Currency("SGD", 1.34, 2, 10),
    Currency("USD", 1.0, 2, 20),
    Currency("ZAR", 18.3, 2, 100),
)
"""The units per US dollar are the yearly averages of 2024, rounded (Federal Reserve, G.5A; AED is pegged). The decimals
are those of ISO 4217. The banknotes are assumed."""

COUNTRIES: tuple[Country, ...] = (
    Country("AE", "AED", 0.30),
    Country("AU", "AUD", 0.60),
    Country("BR", "BRL", 0.18),
    Country("CA", "CAD", 0.60),
    Country("DE", "EUR", 0.38),
    Country("ES", "EUR", 0.25),
    Country("FR", "EUR", 0.35),
    Country("GB", "GBP", 0.52),
    Country("IE", "EUR", 0.50),
    Country("IN", "INR", 0.05),
    Country("IT", "EUR", 0.30),
    Country("JP", "JPY", 0.65),
    Country("KR", "KRW", 0.28),
    Country("MX", "MXN", 0.22),
    Country("NL", "EUR", 0.42),
    Country("NZ", "NZD", 0.50),
    Country("PL", "PLN", 0.15),
    Country("PT", "EUR", 0.28),
    Country("SE", "SEK", 0.58),
    Country("SG", "SGD", 0.35),
    Country("US", "USD", 0.57),
    Country("ZA", "ZAR", 0.17),
)
"""The iOS shares are assumed; their order is that of the markets in StatCounter's figures of 2024."""

CITIES: tuple[City, ...] = (
    City("New York", "US", 40.71, -74.01, "America/New_York", 18.8),
    City("Los Angeles", "US", 34.05, -118.24, "America/Los_Angeles", 12.4),
    City("Chicago", "US", 41.88, -87.63, "America/Chicago", 8.9),
    City("Houston", "US", 29.76, -95.37, "America/Chicago", 6.4),
    City("Phoenix", "US", 33.45, -112.07, "America/Phoenix", 4.5),
    City("Toronto", "CA", 43.65, -79.38, "America/Toronto", 6.2),
    City("Vancouver", "CA", 49.28, -123.12, "America/Vancouver", 2.6),
    City("Mexico City", "MX", 19.43, -99.13, "America/Mexico_City", 21.8),
    City("São Paulo", "BR", -23.55, -46.63, "America/Sao_Paulo", 22.0),
    City("Rio de Janeiro", "BR", -22.91, -43.17, "America/Sao_Paulo", 13.5),
    City("London", "GB", 51.51, -0.13, "Europe/London", 9.3),
    City("Manchester", "GB", 53.48, -2.24, "Europe/London", 2.7),
    City("Glasgow", "GB", 55.86, -4.25, "Europe/London", 1.7),
    City("Dublin", "IE", 53.35, -6.26, "Europe/Dublin", 1.2),
    City("Paris", "FR", 48.86, 2.35, "Europe/Paris", 11.0),
    City("Lyon", "FR", 45.76, 4.84, "Europe/Paris", 1.7),
    City("Marseille", "FR", 43.30, 5.37, "Europe/Paris", 1.6),
    City("Berlin", "DE", 52.52, 13.40, "Europe/Berlin", 3.6),
    City("Hamburg", "DE", 53.55, 9.99, "Europe/Berlin", 1.8),
    City("Munich", "DE", 48.14, 11.58, "Europe/Berlin", 1.5),
    City("Madrid", "ES", 40.42, -3.70, "Europe/Madrid", 6.6),
    City("Barcelona", "ES", 41.39, 2.17, "Europe/Madrid", 5.6),
    City("Rome", "IT", 41.90, 12.50, "Europe/Rome", 4.3),
    City("Milan", "IT", 45.46, 9.19, "Europe/Rome", 3.1),
    City("Amsterdam", "NL", 52.37, 4.90, "Europe/Amsterdam", 1.1),
    City("Warsaw", "PL", 52.23, 21.01, "Europe/Warsaw", 1.8),
    City("Stockholm", "SE", 59.33, 18.07, "Europe/Stockholm", 1.6),
    City("Lisbon", "PT", 38.72, -9.14, "Europe/Lisbon", 3.0),
    City("Johannesburg", "ZA", -26.20, 28.05, "Africa/Johannesburg", 5.8),
    City("Dubai", "AE", 25.20, 55.27, "Asia/Dubai", 2.9),
    City("Mumbai", "IN", 19.08, 72.88, "Asia/Kolkata", 20.4),
    City("Delhi", "IN", 28.61, 77.21, "Asia/Kolkata", 30.3),
    City("Bengaluru", "IN", 12.97, 77.59, "Asia/Kolkata", 12.3),
    City("Singapore", "SG", 1.35, 103.82, "Asia/Singapore", 5.9),
    City("Tokyo", "JP", 35.68, 139.69, "Asia/Tokyo", 37.4),
    City("Osaka", "JP", 34.69, 135.50, "Asia/Tokyo", 19.2),
    City("Seoul", "KR", 37.57, 126.98, "Asia/Seoul", 10.0),
    City("Sydney", "AU", -33.87, 151.21, "Australia/Sydney", 4.9),
    City("Melbourne", "AU", -37.81, 144.96, "Australia/Melbourne", 5.0),
    City("Perth", "AU", -31.95, 115.86, "Australia/Perth", 2.0),
    City("Auckland", "NZ", -36.85, 174.76, "Pacific/Auckland", 1.6),
)
"""The inhabitants are those of the urban agglomeration in 2020, rounded (UN, World Urbanization Prospects, 2018
revision). Positions are rounded to a hundredth of a degree."""

SCHEMES: tuple[tuple[str, int], ...] = (("VISA", 50), ("MASTERCARD", 35), ("AMEX", 9), ("DISCOVER", 6))
"""Card schemes with their share of the cards in per cent. The shares are assumed; Visa and Mastercard lead everywhere
but in Asia."""

CASH = Trade("6011", 80.0, 0.6, 0.0, 0.0)
"""The trade of cash machines (assumed)."""

TRADES: tuple[Trade, ...] = (
    Trade("4111", 3.5, 0.5, 5.0, 0.0),
    Trade("4121", 15.0, 0.5, 2.0, 6.0),
    Trade("4511", 210.0, 0.7, 0.0, 1.5),
    Trade("4722", 170.0, 0.9, 0.0, 1.5),
    Trade("4814", 28.0, 0.5, 0.0, 4.0),
    Trade("4899", 13.0, 0.4, 0.0, 5.0),
    Trade("4900", 75.0, 0.6, 0.0, 3.0),
    Trade("5200", 55.0, 0.9, 2.0, 1.0),
    Trade("5311", 46.0, 0.8, 3.0, 5.0),
    Trade("5331", 14.0, 0.7, 3.0, 0.0),
    Trade("5411", 28.0, 0.8, 24.0, 4.0),
    Trade("5462", 8.0, 0.5, 3.0, 0.0),
    Trade("5499", 9.0, 0.7, 8.0, 0.0),
    Trade("5541", 42.0, 0.5, 6.0, 0.0),
    Trade("5542", 40.0, 0.45, 4.0, 0.0),
    Trade("5651", 54.0, 0.7, 3.0, 8.0),
    Trade("5661", 65.0, 0.5, 1.5, 2.0),
    Trade("5712", 180.0, 0.9, 0.5, 1.0),
    Trade("5732", 110.0, 1.0, 1.5, 4.0),
    Trade("5734", 40.0, 1.0, 0.0, 2.0),
    Trade("5812", 32.0, 0.7, 10.0, 0.0),
    Trade("5813", 22.0, 0.7, 3.0, 0.0),
    Trade("5814", 12.0, 0.5, 14.0, 7.0),
    Trade("5815", 6.0, 0.7, 0.0, 7.0),
    Trade("5816", 9.0, 0.9, 0.0, 6.0),
    Trade("5817", 7.0, 0.8, 0.0, 5.0),
    Trade("5818", 14.0, 0.8, 0.0, 6.0),
    Trade("5912", 18.0, 0.8, 5.0, 1.0),
    Trade("5921", 24.0, 0.6, 1.0, 0.0),
    Trade("5941", 55.0, 0.8, 0.7, 2.0),
    Trade("5942", 19.0, 0.6, 1.0, 3.0),
    Trade("5944", 150.0, 1.1, 0.3, 0.7),
    Trade("5945", 30.0, 0.7, 1.0, 2.0),
    Trade("5947", 32.0, 0.8, 1.0, 2.0),
    Trade("5964", 38.0, 0.9, 0.0, 10.0),
    Trade("5977", 34.0, 0.6, 0.7, 2.0),
    Trade("5999", 27.0, 0.9, 2.0, 3.0),
    Trade("6300", 65.0, 0.6, 0.0, 2.0),
    Trade("7011", 155.0, 0.8, 1.0, 2.0),
    Trade("7230", 34.0, 0.5, 1.5, 0.0),
    Trade("7299", 30.0, 0.9, 0.5, 1.0),
    Trade("7523", 6.0, 0.6, 2.0, 1.5),
    Trade("7832", 22.0, 0.4, 1.0, 0.7),
    Trade("7922", 75.0, 0.6, 0.0, 2.0),
    Trade("7995", 25.0, 1.0, 0.0, 2.0),
    Trade("7997", 45.0, 0.7, 0.7, 1.0),
    Trade("8011", 70.0, 0.9, 0.7, 0.0),
    Trade("8021", 120.0, 0.9, 0.3, 0.0),
    Trade("8299", 60.0, 0.8, 0.0, 1.0),
    Trade("8398", 25.0, 0.9, 0.0, 1.0),
)
"""Everything but the MCCs (ISO 18245) is assumed. The medians are of the size that consumer payment diaries report:
groceries about 28 dollars, a meal about 12, fuel about 40."""

SUBSCRIPTION_MCCS = frozenset({"4814", "4899", "4900", "5815", "5817", "5818", "6300", "7997"})
"""The trades that standing agreements pay (assumed)."""
RESALE_MCCS = frozenset({"5311", "5651", "5661", "5732", "5734", "5941", "5944", "5947", "5964", "5977", "4511"})
"""The trades whose goods can be sold on, or are vouchers (assumed)."""
SMALL_TICKET_MCCS = frozenset({"5815", "5816", "5817", "5818", "8398", "4121", "7523", "5942"})
"""The trades whose small payments nobody notices (assumed)."""

HOURS: tuple[tuple[int, ...], tuple[int, ...]] = (
    (8, 5, 3, 3, 4, 9, 20, 38, 52, 55, 60, 70, 84, 78, 66, 66, 74, 86, 88, 74, 56, 42, 28, 15),
    (14, 9, 6, 4, 4, 6, 10, 20, 38, 58, 74, 84, 88, 84, 78, 76, 74, 74, 74, 66, 54, 44, 34, 22),
)
"""Weights of the payments by local hour, on working days and at weekends. They are assumed; lunch and the way home
lead."""

WEEKDAYS: tuple[int, ...] = (92, 94, 97, 101, 115, 112, 89)
"""Weights of the payments by weekday, Monday first; their mean is 100. They are assumed; Friday and Saturday lead.
Mastercard found Friday first and Sunday among the last in Hungary (2015)."""

MONTHS: tuple[int, ...] = (93, 92, 98, 98, 101, 101, 101, 100, 98, 101, 105, 112)
"""Weights of the payments by month; their mean is 100. They are assumed; December leads. Each is within 5 of what the
Census Bureau's seasonal factor of US retail sales and food services (June 2024 to May 2025) is for a day."""

ONLINE_BY_HOUR: tuple[int, ...] = (
    60, 62, 64, 60, 50, 38, 28, 24, 24, 26, 27, 26, 23, 24, 27, 28, 27, 25, 25, 29, 36, 44, 50, 56,
)  # fmt: skip
"""The share of the payments that are made online, by local hour, in per cent (assumed)."""
