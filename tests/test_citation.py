"""How to cite: the file that programs read is what Citation File Format 1.2.0 asks, and says what the package says."""

import re
import tomllib
from datetime import date

import yaml
from command_line import ROOT

FILE = yaml.safe_load((ROOT / "docs" / "CITATION.cff").read_text("utf-8"))
PAGE = (ROOT / "docs" / "cite.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# https://citation-file-format.github.io/1.2.0/schema.json, in words of our own; of references those that we use.
REQUIRED = {"authors", "cff-version", "message", "title"}
ALLOWED = REQUIRED | {
    "abstract",
    "commit",
    "contact",
    "date-released",
    "doi",
    "identifiers",
    "keywords",
    "license",
    "license-url",
    "preferred-citation",
    "references",
    "repository",
    "repository-artifact",
    "repository-code",
    "type",
    "url",
    "version",
}
OF_REFERENCES = {"authors", "title", "type", "year", "identifiers", "url"}
PERSON = {"family-names", "given-names", "name-particle", "name-suffix", "affiliation", "orcid", "email"}
ENTITY = {"name", "address", "city", "country", "email", "website", "date-start", "date-end"}


def assert_authors(authors):
    assert authors
    for author in authors:
        allowed = ENTITY if "name" in author else PERSON
        assert author
        assert author.keys() <= allowed
        assert all(isinstance(value, str | date) and value for value in author.values())
    assert len({str(author) for author in authors}) == len(authors)


def test_the_file_has_the_keys_of_the_format():
    assert FILE.keys() >= REQUIRED
    assert FILE.keys() <= ALLOWED
    assert FILE["cff-version"] == "1.2.0"
    assert FILE["type"] in ("software", "dataset")
    assert all(
        isinstance(FILE[key], str) and FILE[key] for key in ("message", "title", "version", "abstract")
    )
    assert all(isinstance(word, str) for word in FILE["keywords"])
    assert_authors(FILE["authors"])


def test_its_references_have_the_keys_of_the_format():
    for reference in FILE["references"]:
        assert reference.keys() >= {"authors", "title", "type"}
        assert reference.keys() <= OF_REFERENCES
        assert reference["type"] == "article"
        assert isinstance(reference["year"], int)
        assert re.match(r"https?://", reference["url"])
        assert all(one["type"] in ("doi", "url", "swh", "other") for one in reference["identifiers"])
        assert_authors(reference["authors"])


def test_it_says_what_the_package_says():
    said = [FILE["title"], FILE["version"], FILE["license"], FILE["abstract"]]
    assert said == [PROJECT[key] for key in ("name", "version", "license", "description")]
    assert [author["name"] for author in FILE["authors"]] == [author["name"] for author in PROJECT["authors"]]


def test_the_page_says_what_the_file_says():
    (paper,) = FILE["references"]
    assert f"version = {{{FILE['version']}}}" in PAGE
    assert " and ".join(f"{who['family-names']}, {who['given-names']}" for who in paper["authors"]) in PAGE
    assert paper["title"] in PAGE.replace("{LLM}", "LLM")
    assert paper["url"].rpartition("/")[2] in PAGE
