import socket
from ipaddress import IPv6Address

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from synapse.webhooks import addresses
from synapse.webhooks.addresses import AddressRefused, BadAddress, HostUnknown, is_public, read_url, resolve

REFUSED = [
    "",
    "example.org/events",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "http://example.org/",
    "https:///events",
    "https://",
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://example.org@127.0.0.1/",
    "https://example.org:80/",
    "https://example.org:22/",
    "https://example.org:65536/",
    "https://example.org:99999/",
    "https://example.org:/",
    "https://example.org:443:443/",
    "https://example.org/#part",
    "https://example.org\\@127.0.0.1/",
    "https://example.org /",
    "https://exa\tmple.org/",
    "https://example.org/\r\nX-Header: 1",
    "https://example.org\x00/",
    "https://localhost/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://8.8.8.8/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://example.0x7f/",
    "https://1.2.3.0x/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://[::1/",
    "https://example.org./",
    "https://.example.org/",
    "https://exa..mple.org/",
    "https://-example.org/",
    "https://exam_ple.org/",
    "https://bücher.example/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    "https://" + "a" * 64 + ".org/",
    "https://" + "a." * 130 + "org/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_odd_addresses_are_refused_by_their_form(url):
    with pytest.raises(BadAddress):
        read_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "host_header"),
    [
        ("https://example.org", "example.org", 443, "/", "example.org"),
        ("HTTPS://Example.ORG/Events?key=A%20b", "example.org", 443, "/Events?key=A%20b", "example.org"),
        ("https://hooks.example.org:8443/a", "hooks.example.org", 8443, "/a", "hooks.example.org:8443"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
    ],
)
def test_a_public_host_by_its_name_is_taken(url, host, port, path, host_header):
    target = read_url(url)

    assert (target.host, target.port, target.path, target.host_header) == (host, port, path, host_header)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
        *("198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1"),
        *("2001:10::1", "2001:20::1", "2002:7f00:1::", "2002:0808:0808::1", "3fff::1", "100::1", "5f00::1"),
        *("", "localhost", "0177.0.0.1", "0x7f000001", "2130706433"),
    ],
)
def test_addresses_that_are_not_public_are_known(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "2a00::1"],
)
def test_public_addresses_are_known(address):
    assert is_public(address)


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.ip_addresses())
def test_what_counts_as_public_is_never_more_than_the_library_says(address):
    if is_public(str(address)):
        assert (address.is_global, address.is_multicast) == (True, False)


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.ip_addresses(v=4))
def test_no_ipv4_address_gets_through_in_the_disguise_of_another(address):
    number = int(address)
    for disguised in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert not is_public(str(IPv6Address(disguised)))


def lead_to(monkeypatch, *found):
    def getaddrinfo(host, port, *args, **kwargs):
        if not found:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)


def test_a_name_that_leads_inside_is_refused(monkeypatch):
    lead_to(monkeypatch, "10.0.0.5")

    with pytest.raises(AddressRefused):
        resolve(read_url("https://inside.example.org/"))


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    lead_to(monkeypatch, "8.8.8.8", "169.254.169.254")

    with pytest.raises(AddressRefused):
        resolve(read_url("https://mixed.example.org/"))


def test_a_name_without_an_address_says_so(monkeypatch):
    lead_to(monkeypatch)

    with pytest.raises(HostUnknown):
        resolve(read_url("https://nowhere.example.org/"))


def test_a_public_name_gives_its_addresses_once_each(monkeypatch):
    lead_to(monkeypatch, "8.8.8.8", "8.8.8.8", "2606:4700::1111")

    assert resolve(read_url("https://example.org/")) == ["8.8.8.8", "2606:4700::1111"]


def test_listed_hosts_may_be_inside_by_http_and_on_their_port(settings, monkeypatch):
    settings.WEBHOOK_ALLOWED_HOSTS = ["127.0.0.1:9000", "Inside.clinic.example"]
    lead_to(monkeypatch, "10.0.0.5")

    assert read_url("http://127.0.0.1:9000/").is_listed
    assert resolve(read_url("http://inside.clinic.example:81/x")) == ["10.0.0.5"]
    for other in ("http://127.0.0.1:9001/", "http://a.inside.clinic.example/", "http://example.org/"):
        with pytest.raises(BadAddress):
            read_url(other)


def test_in_production_a_listed_host_is_asked_by_https_all_the_same(settings):
    settings.WEBHOOK_ALLOWED_HOSTS = ["inside.clinic.example"]
    settings.IS_PRODUCTION = True

    assert read_url("https://inside.clinic.example:9443/").port == 9443
    with pytest.raises(BadAddress):
        read_url("http://inside.clinic.example/")
