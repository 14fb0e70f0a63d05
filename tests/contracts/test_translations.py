"""Every sentence is there in every language, and what is compiled is what was translated."""

from __future__ import annotations

import pytest
from babel.messages import Catalog

from app.words.languages import LANGUAGES, NAMES
from tests import translations
from tests.checkout import project_files

TRANSLATED = LANGUAGES[1:]


@pytest.fixture(scope="module")
def sentences() -> Catalog:
    return translations.gathered()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_no_other(language: str, sentences: Catalog) -> None:
    faults = translations.faults_of(translations.read(language), sentences)

    assert faults == [], "run `make translations`, and translate what it says"


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_is_written_as_the_command_writes_it(language: str, sentences: Catalog) -> None:
    po, _mo = translations.catalogue_files(language)

    again = translations.po_of(translations.merged(translations.read(language), sentences))

    assert without_writer(po.read_bytes()) == without_writer(again), "run `make translations`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_was_translated(language: str) -> None:
    _po, mo = translations.catalogue_files(language)

    assert translations.compiled(mo) == translations.texts_of(translations.read(language))


def test_catalogues_are_in_git_and_there_is_none_of_a_language_that_nobody_can_choose() -> None:
    kept = {path for path in project_files() if path.parts[:2] == ("app", "translations")}

    wanted = {
        path.relative_to(translations.ROOT)
        for language in TRANSLATED
        for path in translations.catalogue_files(language)
    }
    assert kept == wanted
    assert tuple(NAMES) == LANGUAGES


def test_every_sentence_is_written_out_where_it_is_used() -> None:
    assert translations.not_gathered() == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("토큰 저장", "other placeholders"),
        ("%(servers)s 토큰 저장", "other placeholders"),
        ("%(server)s 토큰 <b>저장</b>", "other tags"),
        ("%(server)s 토큰 저장 ", "other space around it"),
    ],
)
def test_a_bad_translation_is_found(text: str, fault: str) -> None:
    sentences, catalog = Catalog(), Catalog(locale="ko")
    sentences.add("Token saved for %(server)s")

    catalog.add("Token saved for %(server)s", text)

    assert translations.faults_of(catalog, sentences) == [f"{fault}: Token saved for %(server)s"]


def test_a_missing_an_old_and_a_fuzzy_one_are_found() -> None:
    sentences, catalog = Catalog(), Catalog(locale="ko")
    sentences.add("Save")
    sentences.add("Delete")

    catalog.add("Delete", "삭제", flags=["fuzzy"])
    catalog.add("Remove", "제거")

    assert translations.faults_of(catalog, sentences) == [
        "fuzzy: Delete",
        "missing: Save",
        "obsolete: Remove",
    ]


def without_writer(po: bytes) -> list[bytes]:
    """Return the lines without the one that names the version of Babel."""
    return [line for line in po.splitlines() if not line.startswith(b'"Generated-By')]
