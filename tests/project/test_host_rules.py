"""The rules for which hosts are answered, without a server."""

import pytest

from inffeed_core.errors import SettingsError
from inffeed_core.project.hosts import Hosts, allowed_hosts


@pytest.mark.parametrize(
    "words",
    [
        "*",
        "*.example.org",
        "http://example.org",
        "example.org/",
        "a b@c",
        "[::1",
        "host:0",
        "host:70000",
        "host:",
        "-x-",
    ],
)
def test_what_is_no_host_is_refused(words):
    with pytest.raises(SettingsError, match="is not a host"):
        allowed_hosts(words)


def test_hosts_are_named_in_one_string_or_one_by_one():
    expected = ("a.example", "10.0.0.7:8501", "[fe80::1]")
    assert allowed_hosts("A.example, 10.0.0.7:8501\n[FE80::1]") == expected
    assert allowed_hosts(expected) == expected
    assert allowed_hosts("") == ()


def test_the_port_may_be_left_out_where_browsers_leave_it_out():
    assert Hosts.at(80).knows("localhost")
    assert not Hosts.at(443).knows("localhost")
    assert Hosts.at(443, scheme="https").knows("localhost")
    assert not Hosts.at(8501).knows("localhost")
    assert Hosts.at(443, scheme="https").is_from("https://localhost", "localhost:443")
    assert not Hosts.at(443, scheme="https").is_from("http://localhost:443", "localhost:443")


def test_the_address_that_the_server_listens_at_is_its_own():
    assert Hosts.at(8501, "192.168.1.7").knows("192.168.1.7:8501")
    assert Hosts.at(8501, "fe80::1").knows("[fe80::1]:8501")
    assert not Hosts.at(8501, "192.168.1.7").knows("192.168.1.7")
    for everywhere in ("0.0.0.0", "::", ""):
        assert Hosts.at(8501, everywhere) == Hosts.at(8501)


def test_a_further_host_is_not_this_machine():
    hosts = Hosts.at(8501, more=("lab.example",))
    assert hosts.knows("lab.example")
    assert hosts.knows("lab.example:8501")
    assert not hosts.knows("lab.example:9000")
    assert not hosts.is_own("lab.example:8501")
