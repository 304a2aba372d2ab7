"""Settings: what the file and the environment say, and what is said to people who wrote something else."""

from pathlib import Path

import pytest

from outbox.db import database_url
from outbox.errors import ConfigurationError
from outbox.section import FILE_NAME
from outbox.settings import Settings, load_settings

PLANTED = "hunter2-planted"


def load(where: Path, written: str = "", **environ: str) -> Settings:
    """The settings of a file with this text under this environment, of which nothing else is read."""
    (where / FILE_NAME).write_text(written, encoding="utf-8")
    return load_settings(where, {f"OUTBOX_{name}": value for name, value in environ.items()})


def faults(where: Path, written: str = "", **environ: str) -> list[str]:
    """The faults of such settings, without the folder's name."""
    with pytest.raises(ConfigurationError) as caught:
        load(where, written, **environ)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return [fault.replace(f"{where}/", "") for fault in caught.value.faults]


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    """Every setting has a default; the folder is the one that was named."""
    assert load(tmp_path) == Settings(folder=tmp_path)


def test_a_folder_without_the_file_means_the_defaults(tmp_path: Path) -> None:
    """The service's file may be left out; mapping and connectors are found beside where it would be."""
    settings = load_settings(tmp_path, {})

    assert settings == Settings(folder=tmp_path)
    assert settings.source_file == tmp_path / "source.toml"
    assert settings.connectors_file == tmp_path / "connectors.toml"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[relay]\ntreads = 8", "outbox.toml: relay.treads: unknown key; did you mean 'threads'?"),
        ("[realy]\nthreads = 8", "outbox.toml: realy: unknown key; did you mean 'relay'?"),
        ("[log]\nzzz = 8", "outbox.toml: log.zzz: unknown key; known: format, level"),
        (
            "threads = 8",
            (
                "outbox.toml: threads: unknown key; known: alerts, database, expiry, log, metrics, relay, report,"
                " secrets, sender, upkeep and 1 more"
            ),
        ),
        ("[relay]\nthreads = 0", "outbox.toml: relay.threads: expected a value greater than or equal to 1; got 0"),
        ("[relay]\nthreads = 257", "outbox.toml: relay.threads: expected a value less than or equal to 256; got 257"),
        ("[relay]\npoll_seconds = nan", "outbox.toml: relay.poll_seconds: expected a finite number; got nan"),
        ("[log]\nlevel = 'loud'", "outbox.toml: log.level: expected 'debug', 'info', 'warning' or 'error'; got 'loud'"),
        ("[sender]\nallow_networks = 'x'", "outbox.toml: sender.allow_networks: expected a list; got 'x'"),
        ("[sender]\nca_file = 4", "outbox.toml: sender.ca_file: expected a path; got 4"),
        (
            "[sender]\nallow_networks = ['10.0.0.1/8']",
            (
                "outbox.toml: sender.allow_networks: expected networks such as 10.0.0.0/8 or fd00::/8"
                " (10.0.0.1/8 has host bits set); got ['10.0.0.1/8']"
            ),
        ),
        (
            "[sender]\nca_file = '/no/such.pem'",
            (
                "outbox.toml: sender.ca_file: expected a PEM file of certificates (No such file or directory);"
                " got '/no/such.pem'"
            ),
        ),
        (
            "[sender]\nproxy = 'https://hush:hush@proxy'",
            "outbox.toml: sender.proxy: expected http://[user:password@]host:port; got a secret",
        ),
        ("relay = 5", "outbox.toml: relay: expected a table of keys, got something else; correct it"),
        ("folder = 'x'", "outbox.toml: folder: expected no such key; choose the folder with --config or OUTBOX_CONFIG"),
        (
            "[relay]\nschedule_seconds = [1, -1]",
            "outbox.toml: relay.schedule_seconds.1: expected a value greater than or equal to 0; got -1",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, written: str, expected: str) -> None:
    """File, key, what was expected, what came; for an unknown key the nearest known one."""
    assert faults(tmp_path, written) == [expected]


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    """Nobody mends one key to hear of the next."""
    found = faults(tmp_path, "[relay]\nthreads = 'x'\nbatch = 1\n[log]\nformat = 1", SENDER_TRANSPORT="pigeon")

    assert len(found) == 4
    for named in ("relay.threads: ", "relay.batch: ", "log.format: ", "OUTBOX_SENDER_TRANSPORT: "):
        assert sum(named in fault for fault in found) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[relay", "outbox.toml: expected TOML in UTF-8, got: Expected ']'"),
        (b"[log]\n[log]\n", "outbox.toml: expected TOML in UTF-8, got: Cannot declare ('log',) twice"),
        (b"# \xff", "outbox.toml: expected TOML in UTF-8, got: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    """The place in the file stands in the message, a traceback doesn't."""
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path, {})

    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(expected)


def test_a_missing_folder_is_an_error_where_one_was_chosen(tmp_path: Path) -> None:
    """A mistyped --config never means the defaults; without any choice ./config may be missing."""
    missing = tmp_path / "none"
    words = f"{missing}: expected a folder with outbox.toml, got none; correct --config or OUTBOX_CONFIG"

    for folder_given, environ in ((missing, {}), (None, {"OUTBOX_CONFIG": str(missing)})):
        with pytest.raises(ConfigurationError) as caught:
            load_settings(folder_given, environ)
        assert str(caught.value) == words


def test_the_folder_comes_from_the_call_then_the_environment(tmp_path: Path) -> None:
    """--config wins over OUTBOX_CONFIG."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert load_settings(tmp_path / "a", {"OUTBOX_CONFIG": str(tmp_path / "b")}).folder == tmp_path / "a"
    assert load_settings(None, {"OUTBOX_CONFIG": str(tmp_path / "b")}).folder == tmp_path / "b"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """OUTBOX_<SECTION>_<KEY> for every key; a list as a TOML array or with commas; what it doesn't name stays."""
    settings = load(
        tmp_path,
        "[relay]\nthreads = 8\nroute_batch = 7\n",
        RELAY_THREADS="32",
        DATABASE_PGBOUNCER="true",
        RELAY_SCHEDULE_SECONDS="[1, 2.5]",
        SENDER_ALLOW_NETWORKS="10.0.0.0/8, fd00::/8,",
        LOG_LEVEL="debug",
    )

    assert (settings.relay.threads, settings.relay.route_batch) == (32, 7)
    assert settings.database.pgbouncer is True
    assert settings.relay.schedule_seconds == (1.0, 2.5)
    assert settings.sender.allow_networks == ("10.0.0.0/8", "fd00::/8")
    assert settings.log.level == "debug"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RELAY_THREADS", "many", "OUTBOX_RELAY_THREADS: expected a whole number; got 'many'"),
        ("RELAY_TREADS", "8", "OUTBOX_RELAY_TREADS: unknown setting; did you mean OUTBOX_RELAY_THREADS?"),
        ("RELAY_SCHEDULE_SECONDS", "[1, 2", "OUTBOX_RELAY_SCHEDULE_SECONDS: expected a list; got '[1, 2'"),
        ("RELAY_SCHEDULE_SECONDS", "1,x", "OUTBOX_RELAY_SCHEDULE_SECONDS.1: expected a number; got 'x'"),
        ("DATABSE_URL", PLANTED, "OUTBOX_DATABSE_URL: unknown setting; did you mean OUTBOX_DATABASE_URL?"),
    ],
)
def test_a_fault_of_the_environment_names_the_variable(tmp_path: Path, name: str, value: str, expected: str) -> None:
    """Who set a variable is not sent to a file that doesn't hold the key."""
    (found,) = faults(tmp_path, "", **{name: value})

    assert found.startswith(expected)


def test_other_variables_are_free(tmp_path: Path) -> None:
    """A connector's secret may have any name; those that export writes begin with OUTBOX_SECRET_."""
    assert load(tmp_path, SECRET_CRM="x", SIGNING_SECRET_CRM="x", SECRET_KEY="x", PLAIN="x") == Settings(
        folder=tmp_path
    )


def test_secret_keys_come_in_order(tmp_path: Path) -> None:
    """OUTBOX_SECRET_KEYS holds several, with commas or blanks: the first encrypts."""
    settings = load(tmp_path, SECRET_KEYS="one,two  three\n")

    assert [key.get_secret_value() for key in settings.secret_keys] == ["one", "two", "three"]
    assert load(tmp_path).secret_keys == ()


def test_every_secret_setting_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    """<key>_file holds the secret; the white space around it is no part of it."""
    for name, content in (("url", "postgresql://u@h/d\n"), ("proxy", " http://p:1 "), ("keys", "one\ntwo\n")):
        (tmp_path / name).write_text(content, encoding="utf-8")

    settings = load(
        tmp_path,
        f"[database]\nurl_file = '{tmp_path}/url'\n[sender]\nproxy_file = '{tmp_path}/proxy'",
        SECRETS_KEYS_FILE=str(tmp_path / "keys"),
    )

    assert settings.database_url.get_secret_value() == "postgresql://u@h/d"
    assert settings.sender.proxy_url.get_secret_value() == "http://p:1"
    assert [key.get_secret_value() for key in settings.secret_keys] == ["one", "two"]


def test_a_secret_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    """Which one was meant is not guessed; but the environment's wins over the configuration file's."""
    both = f"[database]\nurl = '{PLANTED}'\nurl_file = '/x'"
    assert faults(tmp_path, both) == ["outbox.toml: database: expected url or url_file, got both; remove one"]

    settings = load(tmp_path, "[database]\nurl_file = '/x'", DATABASE_URL="postgresql://u@h/d")
    assert settings.database_url.get_secret_value() == "postgresql://u@h/d"
    settings = load(tmp_path, f"[database]\nurl = '{PLANTED}'", DATABASE_URL_FILE="/x")
    assert str(settings.database.url_file) == "/x"


def test_an_unreadable_secret_file_is_named(tmp_path: Path) -> None:
    """Key, path and the system's reason."""
    (tmp_path / "binary").write_bytes(b"\xff")
    settings = load(tmp_path, f"[secrets]\nkeys_file = '{tmp_path}/none'\n[database]\nurl_file = '{tmp_path}/binary'")

    with pytest.raises(
        ConfigurationError, match=r"secrets\.keys_file: expected a readable file, got .*none.*No such file"
    ):
        _ = settings.secret_keys
    with pytest.raises(
        ConfigurationError, match=r"database\.url_file: expected a readable file, got .*binary.*no UTF-8"
    ):
        _ = settings.database_url


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    """What a log line, a traceback or a debugger prints of settings holds no secret."""
    url = f"postgresql://u:{PLANTED}@h/d"
    settings = load(tmp_path, DATABASE_URL=url, SECRET_KEYS=PLANTED, SENDER_PROXY=f"http://u:{PLANTED}@p:1")

    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(database_url(settings))):
        assert PLANTED not in shown
    assert settings.sender.proxy_url.get_secret_value() == f"http://u:{PLANTED}@p:1"


@pytest.mark.parametrize(
    "written",
    [
        f"database = 'postgresql://u:{PLANTED}@h/d'",
        f"secrets = '{PLANTED}'",
        f"[secrets]\nkeys = ['{PLANTED}']",
        f"[secrets]\nkeys = '{PLANTED}'\nkeys_file = '/x'",
        f"[secrets]\nkey = '{PLANTED}'",
        f"[database]\nurl = {{ env = '{PLANTED}' }}",
        f"[sender]\nproxy = ['http://u:{PLANTED}@p']",
        f"[database]\nurl = '{PLANTED}\n",
    ],
)
def test_secrets_are_in_no_message(tmp_path: Path, written: str) -> None:
    """A fault in or around a secret is told without it."""
    assert PLANTED not in "\n".join(faults(tmp_path, written))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "OUTBOX_DATABASE_URL: expected the contract database's URL, got none;"),
        (PLANTED, "database.url: expected a URL such as postgresql://"),
        (f"host=h password={PLANTED}", "database.url: expected a URL such as postgresql://"),
        (f"postgresql://u:{PLANTED}@h:{PLANTED}/d", "database.url: expected a URL such as postgresql://"),
        (f"postgresql://u:1/{PLANTED}:x@h:y@z/d", "database.url: expected a URL such as postgresql://"),
        (f"mysql://u:{PLANTED}@h/d", "database.url: expected a postgresql:// URL, got mysql://;"),
        (f"postgresql://u:{PLANTED}@h/d?sslmod=x", "database.url: sslmod: unknown option; did you mean 'sslmode'?"),
    ],
)
def test_a_wrong_database_url_is_told_without_its_password(tmp_path: Path, url: str, expected: str) -> None:
    """What was expected instead, and how to write characters that mean something in a URL."""
    with pytest.raises(ConfigurationError) as caught:
        database_url(load(tmp_path, DATABASE_URL=url))

    assert str(caught.value).startswith(expected)
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_every_spelling_of_the_scheme_means_our_driver(tmp_path: Path, scheme: str) -> None:
    """People paste the URL that they have."""
    url = database_url(load(tmp_path, DATABASE_URL=f"{scheme}://u:p%40w@h:5433/d?sslmode=require"))

    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port, url.database) == ("u", "p@w", "h", 5433, "d")
