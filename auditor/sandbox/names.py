"""Names and places for invented people. Localities are real; the people, their addresses and numbers are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Culture:
    """How a group of people is named and which language they speak."""

    share: int
    """Of a hundred people."""
    languages: tuple[str, ...]
    """ISO 639-1; one is picked."""
    male: tuple[str, ...]
    female: tuple[str, ...]
    last: tuple[str, ...]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.replace("\n", " ").split(","))


DUTCH: Final = Culture(
    43,
    ("NL",),
    _names("""Jan, Pieter, Luc, Marc, Koen, Tom, Wout, Joris, Bram, Stijn, Dirk, Geert, Wim, Jef, Lars, Seppe, Arne,
    Thijs, Ruben, Jeroen, Maarten, Kristof, Jan-Willem, Karel-Lodewijk, Daniël, Raphaël, Noël"""),
    _names("""An, Els, Katrien, Sofie, Lieve, Greet, Ilse, Hilde, Annelies, Marieke, Femke, Lotte, Fien, Noor, Nele,
    Griet, Veerle, Leen, Anne-Marie, Marie-Louise, Zoë, Noëlle, Chloë, Loïs"""),
    _names("""Peeters, Janssens, Maes, Jacobs, Mertens, Willems, Claes, Goossens, Wouters, De Smet, De Clercq,
    Vandenberghe, Vandenbroucke, Van den Broeck, Van de Velde, van der Meer, van der Elst, Van Damme, Verhoeven,
    Vermeulen, De Backer, De Cock, D'Hondt, D'hoker, D'Haese, Desmedt, Hermans, Aerts, Michiels, Pauwels, Segers,
    Coppens, Lemmens, Wauters, Verstraeten, Bogaert, Bosmans, Cools, Hendrickx, Timmermans, Van Hoof, Vandewalle,
    Verbruggen, Vanhaverbeke, Slegers, Vercauteren, Moens, Smets, Van Acker, Kestemont, Haeseldonckx, Ceuppens,
    Van Steenbergen, van 't Hof, Verhelst-Claes, Baeyens, Raeymaekers, Stevens"""),
)
FRENCH: Final = Culture(
    40,
    ("FR",),
    _names("""Jean, Pierre, Michel, Philippe, Luc, Olivier, Benoît, François, Jérôme, Loïc, Gaël, Mathéo, Théo, Hugo,
    Arthur, Louis, André, Rémi, Cédric, Frédéric, Jean-Pierre, Jean-François, Jean-Luc, Anaël, Émile, Grégoire"""),
    _names("""Marie, Nathalie, Isabelle, Françoise, Hélène, Cécile, Chloé, Zoé, Léa, Inès, Élodie, Amélie, Céline,
    Sylvie, Anne, Valérie, Aurélie, Marie-Thérèse, Anne-Sophie, Noémie, Maëlle, Océane, Brigitte, Agnès"""),
    _names("""Dubois, Lambert, Dupont, Martin, Simon, Leroy, Laurent, Lefèvre, Lefebvre, Dumont, Noël, Gérard, Rémy,
    Légaré, Hébert, Béchet, François, Renard, Collard, Leclercq, Delvaux, Gillet, Marchal, Fontaine, Lejeune,
    Delhaye, Thiry, Piérard, Bertrand, Mathieu, Guérin, Poncelet, Bastin, Grégoire, Jacquemin, Lemaître, Crépin,
    Delcourt, de la Rivière, de la Tour, d'Oultremont, D'Artois, du Bois, Saint-Aubin, Saint-Rémy, Le Blanc,
    L'Hoest, L'Hermitte, Wéry, Bodart, Maréchal, Noirhomme, Henrotte, Cuvelier, Deprez, Vandenbossche, Parmentier,
    Beaufays, Desprès, Fauconnier, Rousseau"""),
)
GERMAN: Final = Culture(
    6,
    ("DE",),
    _names("Jürgen, Günther, Björn, Hans-Peter, Klaus, Stefan, Uwe, Matthias, Lukas, Jörg, Karl-Heinz, Götz"),
    _names("Käthe, Ursula, Jutta, Heike, Sabine, Anneliese, Ingrid, Bärbel, Anja, Marlène, Dörte, Lena"),
    _names("""Müller, Schröder, Weiß, Groß, Schäfer, Köhler, Jäger, Böhm, Kühn, Lübbe, Strauß, Schumacher, Pöhler,
    von der Heide, zum Felde, Heinen, Lentz, Radermacher, Schmitz, Hermann-Josten, Keßler, Grünewald"""),
)
ENGLISH: Final = Culture(
    4,
    ("EN",),
    _names("William, Oliver, George, Harry, Patrick, Sean, Liam, Charles, Edward, Duncan, Angus, Rhys"),
    _names("Emma, Olivia, Charlotte, Grace, Fiona, Siobhán, Aoife, Niamh, Harriet, Louise, Beatrice, Maeve"),
    _names("""O'Neill, O'Connor, O'Brien, Smith-Jones, Taylor, Davies, MacDonald, McGregor, Fitzgerald, Thompson,
    Ashworth, Pemberton, Wetherby, Lockwood, Hargreaves, Whitfield, Blackburn, D'Arcy, St. Clair, Kavanagh"""),
)
OTHERS: Final = (
    Culture(
        1,
        ("EL",),
        _names("Γιώργος, Νίκος, Δημήτρης"),
        _names("Μαρία, Ελένη, Σοφία"),
        _names("Παππάς, Δήμου, Οικονόμου"),
    ),
    Culture(1, ("RU", "UK"), _names("Иван, Дмитрий"), _names("Анна, Наталья"), _names("Иваненко, Шевченко, Коваль")),
    Culture(1, ("AR", "FR"), _names("محمد, يوسف, كريم"), _names("فاطمة, ليلى, مريم"), _names("بن علي, العلوي, منصور")),
    Culture(
        1,
        ("PL",),
        _names("Łukasz, Paweł, Michał"),
        _names("Małgorzata, Agnieszka, Żaneta"),
        _names("Wiśniewski, Wójcik, Kamiński, Łuczak, Śliwa"),
    ),
    Culture(
        1,
        ("TR", "NL"),
        _names("Emre, Çağlar, Ömer"),
        _names("Ayşe, Gülşen, İpek"),
        _names("Yıldız, Şahin, Öztürk, Çelik"),
    ),
    Culture(1, ("ZH", "EN"), _names("伟, 强, 军"), _names("芳, 娜, 敏"), _names("王, 李, 欧阳, 陈")),
    Culture(1, ("HE", "FR"), _names("דוד, יוסף"), _names("שרה, רחל"), _names("כהן, לוי, פרץ")),
)
CULTURES: Final = (DUTCH, FRENCH, GERMAN, ENGLISH, *OTHERS)


@dataclass(frozen=True, slots=True)
class Place:
    """A locality with its postal code, and the language its streets are named in."""

    code: str
    name: str
    language: str
    country: str = "BE"


PLACES: Final = (
    Place("1000", "Bruxelles", "FR"),
    Place("1050", "Ixelles", "FR"),
    Place("1180", "Uccle", "FR"),
    Place("1300", "Wavre", "FR"),
    Place("1348", "Louvain-la-Neuve", "FR"),
    Place("1420", "Braine-l'Alleud", "FR"),
    Place("4000", "Liège", "FR"),
    Place("4500", "Huy", "FR"),
    Place("4800", "Verviers", "FR"),
    Place("4620", "Fléron", "FR"),
    Place("5000", "Namur", "FR"),
    Place("5500", "Dinant", "FR"),
    Place("6000", "Charleroi", "FR"),
    Place("6800", "Libramont-Chevigny", "FR"),
    Place("7000", "Mons", "FR"),
    Place("7500", "Tournai", "FR"),
    Place("6140", "Fontaine-l'Évêque", "FR"),
    Place("7090", "Braine-le-Comte", "FR"),
    Place("1800", "Vilvoorde", "NL"),
    Place("2000", "Antwerpen", "NL"),
    Place("2300", "Turnhout", "NL"),
    Place("2800", "Mechelen", "NL"),
    Place("3000", "Leuven", "NL"),
    Place("3300", "Tienen", "NL"),
    Place("3500", "Hasselt", "NL"),
    Place("3600", "Genk", "NL"),
    Place("8000", "Brugge", "NL"),
    Place("8400", "Oostende", "NL"),
    Place("8500", "Kortrijk", "NL"),
    Place("8800", "Roeselare", "NL"),
    Place("9000", "Gent", "NL"),
    Place("9100", "Sint-Niklaas", "NL"),
    Place("9300", "Aalst", "NL"),
    Place("9700", "Oudenaarde", "NL"),
    Place("4700", "Eupen", "DE"),
    Place("4780", "Sankt Vith", "DE"),
)
FOREIGN: Final = (
    Place("01067", "Dresden", "DE", "DE"),
    Place("04109", "Leipzig", "DE", "DE"),
    Place("06108", "Halle", "DE", "DE"),
    Place("52062", "Aachen", "DE", "DE"),
    Place("06000", "Nice", "FR", "FR"),
    Place("01000", "Bourg-en-Bresse", "FR", "FR"),
    Place("08000", "Charleville-Mézières", "FR", "FR"),
    Place("59000", "Lille", "FR", "FR"),
)

STREETS: Final = {
    "FR": _names("""Rue de la Station, Avenue de la Toison d'Or, Rue Haute, Place de l'Église, Chaussée de Wavre,
    Rue du Marché aux Herbes, Boulevard d'Avroy, Rue des Écoles, Avenue des Érables, Rue du Moulin, Drève du Château,
    Impasse des Lilas, Rue Saint-Rémi, Quai de la Dérivation, Rue de l'Évêché"""),
    "NL": _names("""Kerkstraat, Stationsstraat, Molenstraat, Grote Markt, Nieuwstraat, Dorpsplein, Schoolstraat,
    Lange Nieuwstraat, Koningin Astridlaan, Sint-Pietersnieuwstraat, Veldstraat, Tiensesteenweg, Oude Baan,
    Gasthuisstraat, Kapellestraat, Beekstraat"""),
    "DE": _names("""Hauptstraße, Bahnhofstraße, Am Markt, Kirchgasse, Gartenweg, Schloßallee, Klosterstraße,
    Rosenhügel, Mühlenweg, Am Stadtgraben"""),
}

INTERESTS: Final = ("books", "cooking", "cycling", "garden", "kids", "music", "sport", "travel", "wine")

NOTES: Final = (
    "Prefers to be called in the afternoon",
    "Client fidèle; préfère le français",
    'Asked for the "gold" card, twice',
    "Levering enkel op zaterdag, niet bellen vóór 10 u",
    "Réclamation traitée le 12/03, clos",
    "Wants a paper invoice; address of the office\nsecond floor, ring at Wouters",
    "Bestelde cadeaubonnen voor het personeel",
    "Anniversaire de mariage en été",
    "Bevorzugt Abholung im Geschäft",
)

NICKNAMES: Final = _names("""Jefke, Poupette, Mimi, Nonkel Bob, Titi, Zouzou, Loulou, Bompa, Manneke, Doudou, Fonske,
Kiki, Biquette, Soetje, Pitje, Coco, Moeke, Tonton""")

MANAGERS: Final = ("K. Wouters", "S. Leroy", "B. Hermans", "A. Collard")
"""Who looks after a customer in the CRM: a column that nobody maps."""
