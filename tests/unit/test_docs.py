"""The words of the repository agree with its code, and the repository with its own rules."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.model.notice import Kind
from shared.model.state import Condition, HoldCode
from shared.policy.loading import parse_policy
from shared.policy.model import PolicyText
from tests.scenario.pictures import KEPT, LARGEST, PICTURES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
OPERATIONS = ROOT / "docs" / "operations.md"

# Files of more lines, each with the reason why it is not split.
LONGEST = 400
LONGER: dict[str, str] = {}

# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:roo[t]|wor[k]|User[s])/")
REGISTRY = re.compile(r"registr[y]\.npmjs|pyp[i]\.org|pythonhoste[d]\.org", re.IGNORECASE)
SHAPELESS = re.compile(r"(?:^|_)(?:utils?|helpers?|commons?|constants?)(?:_|$)")


@cache
def tracked() -> tuple[str, ...]:
    """Every file that is in the repository, or would be with the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607  git is where PATH says
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def python_files(*folders: str) -> list[str]:
    return [name for name in tracked() if name.endswith(".py") and name.split("/")[0] in folders]


def slug(heading: str) -> str:
    """The anchor that a heading gets: lower case, without punctuation, spaces to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links(page: Path) -> Iterator[str]:
    for target in re.findall(r"(?<=\]\()[^)\s]+(?=\))|(?<=src=\")[^\"]+|(?<=srcset=\")[^\"]+", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            yield target


def in_code(text: str) -> str:
    """The fenced blocks and code spans of a page."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    """A link leads to a file of the repository, and its anchor to a heading there."""
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        known = file.is_dir() or file.relative_to(ROOT).as_posix() in tracked()
        headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE) if known and anchor else []
        if not known or (anchor and anchor not in map(slug, headings)):
            broken.append(target)

    assert broken == []


def test_every_decision_is_linked_and_has_its_three_parts() -> None:
    """README leads to their list, it to each; each says what moved us, what was decided and what follows."""
    index = ROOT / "docs" / "decisions" / "README.md"
    pages = sorted(set(index.parent.glob("*.md")) - {index})
    linked = {Path(target).name for target in links(index)}

    assert index.relative_to(ROOT).as_posix() in set(links(ROOT / "README.md"))
    assert [page.name for page in pages if page.name not in linked] == []
    for page in pages:
        assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_settings_and_operations_name_the_same() -> None:
    """Every MUSTER_ setting that the code reads is explained, and none that it does not."""
    name = r"\bMUSTER_[A-Z]+(?:_[A-Z]+)*\b"
    code = {found for file in python_files("shared", "functions") for found in re.findall(name, _text(file))}

    assert set(re.findall(name, OPERATIONS.read_text())) == code


def test_operations_explains_every_condition_and_hold() -> None:
    """Whatever word a person meets in a state stands in docs/operations.md."""
    told = set(re.findall(r"`([\w-]+)`", OPERATIONS.read_text()))

    assert {word.value for kind in (Condition, HoldCode) for word in kind} - told == set()


def test_operations_explains_every_event_and_counter() -> None:
    """Every name that the code logs or counts under stands in docs/operations.md."""
    told = set(re.findall(r"`([\w-]+)`", OPERATIONS.read_text()))
    names = {name for file in python_files("shared", "functions") for name in _logged(_text(file))}

    assert "decision" in names
    assert names - told == set()


def test_notifications_explains_every_notice() -> None:
    """Every type that a topic may get stands in docs/notifications.md, and no other does."""
    told = set(re.findall(r"`([A-Z][a-z]\w+)`", (ROOT / "docs" / "notifications.md").read_text().partition("\n## ")[0]))

    assert told == {kind.value for kind in Kind}


def _logged(source: str) -> Iterator[str]:
    """The constant first arguments of logs.event and logs.count."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            continue
        first = node.args[0]
        if ast.unparse(node.func) in {"logs.event", "logs.count"} and isinstance(first, ast.Constant):
            yield str(first.value)


def test_every_page_is_led_to() -> None:
    """From README a reader comes to every page by links alone."""
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            found = ((page.parent / target.partition("#")[0]).resolve() for target in links(page))
            ahead += [each for each in found if each.suffix == ".md"]

    assert set(PAGES) - reached - {ROOT / "CHANGELOG.md"} == set()


def test_make_targets_exist_and_all_are_told() -> None:
    """docs/development.md names exactly the targets that `make help` lists, README no other."""
    first, named = (
        set(re.findall(r"\bmake ([a-z-]+)", in_code((ROOT / page).read_text())))
        for page in ("README.md", "docs/development.md")
    )
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert first | named <= targets
    assert targets - named == {"help"}


def test_readme_has_the_sections_of_the_template_gallery() -> None:
    """In this order; source: microsoft/template-validation-action, rules.json."""
    headings = re.findall(r"^## (.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    wanted = ["Features", "Getting Started", "Guidance", "Resources"]

    assert [each for each in headings if each in wanted] == wanted


def test_pictures_are_those_that_the_script_takes() -> None:
    """Each picture that a page shows is one of `make pictures`, each of those is shown somewhere, and none is heavy."""
    shown = {Path(target).name for page in PAGES for target in links(page) if target.endswith(".png")}
    kept = {place.name: place.stat().st_size for place in KEPT.iterdir()}

    assert shown == set(kept) == {f"{picture.name}.png" for picture in PICTURES}
    assert max(kept.values()) <= LARGEST


REST_OF_IT = "version: 1\nprofiles: {one: {settings: {enableTraining: true}}}\nrules: [{name: all, profile: one}]\n"


@pytest.mark.parametrize(("page", "rest"), [("README.md", ""), ("docs/first-weeks.md", REST_OF_IT)])
def test_policies_of_the_pages_are_valid(page: str, rest: str) -> None:
    """The policy, or the part of one, that a page shows loads without a finding or a warning."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)

    assert len(blocks) == 1
    assert parse_policy((PolicyText(page, rest + blocks[0]),)).warnings == ()


def test_no_file_names_a_machine_or_a_registry() -> None:
    """Paths of somebody's machine and addresses of package registries stay out of the repository."""
    named = []
    for file in tracked():
        text = (ROOT / file).read_bytes().decode(errors="replace")
        named += [f"{file}: {found[0]}" for pattern in (MACHINE_PATH, REGISTRY) for found in pattern.finditer(text)]

    assert named == []


@pytest.mark.parametrize("text", ["/roo" + "t/.venv", "see /wor" + "k/shared", '"/User' + 's/me"'])
def test_machine_paths_are_recognised(text: str) -> None:
    """The pattern of the test above finds what it is for."""
    assert MACHINE_PATH.search(text)


def test_modules_have_names_of_the_field() -> None:
    """No module's name could hold anything."""
    stems = [(Path(file).stem, file) for file in tracked() if file.endswith(".py")]

    assert [file for stem, file in stems if SHAPELESS.search(stem)] == []


def test_every_test_says_what_must_hold() -> None:
    """Each test function carries a docstring."""
    silent = []
    for file in python_files("tests"):
        if not Path(file).name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(_text(file))):
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if function and node.name.startswith("test_") and not ast.get_docstring(node):
                silent.append(f"{file}:{node.lineno} {node.name}")

    assert silent == []


def test_files_stay_short() -> None:
    """No file of the source has more lines than a reader can keep in mind, save those with a reason."""
    lengths = {
        file: len(_text(file).splitlines())
        for file in python_files("shared", "functions", "simulator", "devhost", "demo", "bench")
    }
    long = {file for file, length in lengths.items() if length > LONGEST}

    assert long == set(LONGER)


def _text(file: str) -> str:
    return (ROOT / file).read_text()
