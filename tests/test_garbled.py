"""Letters in another code page: which side is garbled is told by evidence, and never the side that is right."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from auditor.engine.duckdb import DuckDB
from auditor.explain.garbled import garbled_column
from auditor.explain.reasons import with_reasons
from auditor.explain.relations import relations
from auditor.explain.spelling import damage_of
from auditor.findings.reason import Reason
from tests.cells_table import Cell, column, make_cells

NAMES = {
    "cs": "Ďurica Šťastný Ťoupal Ňaňo Štěpán Růžena Ľubomír Luďek Naďa Táňa Soňa Křížová Říha Šimůnek Dvořáček",
    "ro": "Ştefan Ţepeş Mihăiţă Bălan Sălăgean Niţu Crăciun Ţăran Vâlcea",
    "hr": "Đorđe Đurić Anđela Čović Šarić Živković Tuđman Krešimir",
    "hu": "Győrgy Hegedűs Erdős Szűcs Őze Lőrincz Petőfi Tűz Árpád",
    "tr": "Şahin Yıldız Çağlar Öztürk İbrahim Gökçe Doğan Işık Güneş",
    "pl": "Łukasz Żółć Święch Ćwik Gołąb Źrebiec Kęsik Szczęsny Błażej",
    "lv": "Jānis Kārlis Ņikita Šķēle Ēriks Ģirts Ķikuts",
    "lt": "Žemaitis Šarūnas Čiurlionis Jūratė Ąžuolas Įgnas",
    "is": "Þór Guðrún Æsa Örn Þórdís Sigurður Ásgeir",
    "es": "Muñoz Ibáñez Ángel Núñez Íñigo Peña Begoña Castaño",
    "ru": "Иван Петров Екатерина Щукина Сергей Жуков Наталья Юлия",
    "el": "Γιώργος Ελένη Κώστας Μαρία Δημήτρης Ιωάννης Αθηνά",
}
PAGES = (
    "cs cp1250 cp1252", "cs iso8859-2 cp1252", "cs cp852 cp1252", "cs cp852 cp1250", "cs mac_latin2 cp1252",
    "cs cp1250 iso8859-2", "ro cp1250 cp1252", "hr cp1250 cp1252", "hu cp1250 cp1252", "tr cp1254 cp1252",
    "tr cp857 cp1252", "pl cp1250 cp1252", "pl cp852 cp1252", "lv cp1257 cp1252", "lt cp1257 cp1252",
    "is cp850 cp1252", "es cp1252 cp1250", "ru koi8-r cp1251", "ru cp866 cp1251", "el cp737 cp1252",
    "el mac_greek cp1252",
)  # fmt: skip


def misread(page: str) -> list[tuple[str, str]]:
    """What became of the names of a language, beside what they were, where they differ."""
    language, written, read = page.split()
    pairs = ((name.encode(written, "replace").decode(read, "replace"), name) for name in NAMES[language].split())
    return [pair for pair in pairs if pair[0] != pair[1]]


@pytest.mark.parametrize("page", PAGES)
def test_a_column_tells_which_side_was_read_wrongly(page: str) -> None:
    """The tables of the codecs themselves are the judge of what becomes of a name."""
    pairs = misread(page)
    found = garbled_column([(garbled, right, 1) for garbled, right in pairs])
    mirrored = garbled_column([(right, garbled, 1) for garbled, right in pairs])
    assert found is not None
    assert mirrored is not None
    assert (found.pattern, mirrored.pattern) == ("garbled on platform", "garbled in truth")


@pytest.mark.parametrize("page", PAGES)
def test_no_right_name_is_called_garbled(page: str) -> None:
    told = {pair: damage_of(*pair) for pair in misread(page)}
    assert {pair: said for pair, said in told.items() if said and "truth" in said} == {}


@pytest.mark.parametrize(
    ("garbled", "right", "read"),
    [
        ("Иван", "Иван", "cp866"),
        ("Сергей", "Сергей", "koi8-r"),
        ("Jiří", "Jiří", "cp852"),
        ("ŽĎÁRSKÝ", "ŽĎÁRSKÝ", "cp1250"),
        ("Γιώργος", "Γιώργος", "cp737"),
        ("Hélène", "Hélène", "cp1257"),
    ],
)
def test_utf_8_is_garbled_in_whatever_code_page_it_was_read(garbled: str, right: str, read: str) -> None:
    damaged = garbled.encode().decode(read, "replace")
    assert damage_of(damaged, right) == "garbled on platform"
    assert damage_of(right, damaged.replace("\xa0", "")) == "garbled in truth"


@pytest.mark.parametrize(
    ("platform", "truth", "told"),
    [
        ("Hana \x8a\x9dastný", "Hana Šťastný", "garbled on platform"),
        ("½¢ˆ†", "Żółć", "garbled on platform"),
        ("Niţu", "Niþu", "garbled"),
        ("Soòa", "Soňa", "garbled"),
        ("Ýbrahim", "İbrahim", "garbled"),
        ("Kęsik", "Kêsik", None),
        ("Èâàí Petrov", "Иван Petrov", "garbled on platform"),
        ("K\ufffd\ufffd", "Kříž", "letters lost on platform"),
        ("Müller", "Möller", None),
        ("Söker", "Saker", None),
        ("Jörgen", "Jørgen", None),
    ],
)
def test_a_pair_alone_blames_nobody_without_evidence(platform: str, truth: str, told: str | None) -> None:
    assert damage_of(platform, truth) == told


def test_ordinary_names_of_a_column_are_not_garbled() -> None:
    typed = [("Zoé", "Zoë"), ("Jerome", "Jérôme"), ("Hélène", "Helène"), ("Müller", "Möller"), ("Nuńez", "Nuñez")]
    assert garbled_column([(*pair, 1) for pair in typed]) is None
    assert garbled_column([("Nuńez", "Nuñez", 2)]) is None
    assert garbled_column([("Espańa", "España", 40)]) is not None, "the same cell again and again is no typing error"


def reasons(folder: Path, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str | None]]:
    cells = [Cell(platform, truth, f"k{n}") for n, (platform, truth) in enumerate(pairs)]
    with closing(DuckDB(temp=folder)) as engine:
        table = with_reasons(engine, make_cells(engine, cells), [column("lastName")])
        return set(engine.rows(table.select("reason", "seen")))


def test_other_accents_are_garbled_with_the_rest_of_their_column(tmp_path: Path) -> None:
    assert reasons(tmp_path, misread("ro cp1250 cp1252")) == {("encoding", "garbled on platform")}
    assert reasons(tmp_path, [("Bãlan", "Bălan"), ("Zoé", "Zoë")]) == {("accents", None)}


LACKING = {
    "fr ascii": "Aurélie Benoît Cédric Dupré François Gaël Inès Jérôme Léa Zoé Hélène-Maëlle",
    "pl ascii": "Łódź Święch Żółtek Gołąb Małgorzata Paweł Stanisław",
    "sv ascii": "Ståle Göran Åke Björn Märta",
    "pl cp1252": "Łukasz Świętosława Żółtowski Gołąb Wałęsa Józef Paweł",
    "cs cp1252": "Dvořák Kovačič Jiří Šťastný Růžena Vondráček Novotný",
    "ru cp1252": "Jérôme-Иван Renée-Ольга Zoë-Мария Aimé-Жанна Noël-Юлия",
}


def left_out(pairs: Sequence[tuple[str, str]]) -> set[str]:
    return {one.pattern for one in relations(pairs, "UTC") if one.reason is Reason.ENCODING}


@pytest.mark.parametrize("kind", LACKING)
def test_letters_that_a_conversion_left_out_are_told_by_their_column(kind: str) -> None:
    """Whatever is left of a name: all but a letter or two, its beginning, or next to nothing."""
    _, page = kind.split()
    both = [(name.encode(page, "ignore").decode(page), name) for name in LACKING[kind].split()]
    cells = [pair for pair in both if pair[0] != pair[1]]
    turned = [pair[::-1] for pair in cells]
    [of_platform], [of_truth] = relations(cells, "UTC"), relations(turned, "UTC")
    assert (of_platform.pattern, of_truth.pattern) == ("letters left out on platform", "letters left out in truth")
    assert all(of_platform.fits(*pair) for pair in cells)
    assert all(of_truth.fits(*pair) for pair in turned)
    assert left_out([(platform.upper(), truth) for platform, truth in cells]) == {"letters left out on platform"}
    real = [(f"Peeters{n}", f"Janssens{2 * n}") for n in range(20)]
    assert left_out([*cells, *real]) == ({"letters left out on platform"} if len(cells) >= 5 else set())


def test_cells_whose_letters_were_left_out_have_that_reason_and_no_other(tmp_path: Path) -> None:
    names = LACKING["fr ascii"].split()
    cells = [(name, name.encode("ascii", "ignore").decode()) for name in names]
    assert reasons(tmp_path, cells) == {("encoding", "letters left out in truth")}
    cities = [("Lige", "Liège"), ("Besanon", "Besançon")] * 12
    assert reasons(tmp_path, cities) == {("encoding", "letters left out on platform")}, "no words for each other"


@pytest.mark.parametrize(
    "pairs",
    [
        [("Hlne", "Hélène")],
        [("Jos", "José"), ("Zo", "Zoé")],
        # letters go missing, whichever
        [("Hélèn", "Hélène"), ("Jérme", "Jérôme"), ("Grard", "Gérard"), ("Michle", "Michèle"), ("Frédric", "Frédéric"),
         ("Ségolne", "Ségolène"), ("Valrie", "Valérie"), ("Sbastien", "Sébastien"), ("Félci", "Félice")],
        # a sign is no letter
        [("DHondt", "D’Hondt"), ("DArcy", "D’Arcy"), ("LEcluse", "L’Ecluse"), ("OBrien", "O’Brien"),
         ("TJampens", "T’Jampens")],
        [("12 k", "12 €k"), ("15 k", "15 €k"), ("17 k", "17 €k"), ("19 k", "19 €k"), ("21 k", "21 €k")],
    ],
)  # fmt: skip
def test_what_typing_errors_explain_as_well_is_no_conversion(pairs: list[tuple[str, str]]) -> None:
    assert left_out(pairs) == set()
    assert left_out([pair[::-1] for pair in pairs]) == set()
