"""A site that is served: plain files of one folder, for this machine alone."""

from __future__ import annotations

import http.client
import os

import pytest
from serving import serving

from mathreason_eval.cli.server import site_server


@pytest.fixture
def headers():
    """The headers of each answer."""
    return []


@pytest.fixture
def ask(tmp_path, headers):
    """Return what asks for a path, and returns the status and the text of the answer."""
    site = tmp_path / "site"
    (site / "run").mkdir(parents=True)
    (site / "loop").mkdir()
    (tmp_path / "secret").write_text("hush")
    (site / "index.html").write_text("first page")
    (site / "run" / "a b.html").write_text("a run")
    (site / "key").symlink_to(tmp_path / "secret")
    (site / "out").symlink_to(tmp_path)
    (site / "loop" / "index.html").symlink_to(tmp_path / "secret")
    (site / "again").symlink_to("index.html")
    (site / ".record.json").write_text("hush")
    (site / ".git").mkdir()
    (site / ".git" / "config").write_text("hush")
    os.mkfifo(site / "pipe")
    with serving(site_server(site, 0)) as server:

        def get(path, host=f"localhost:{server.server_port}"):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.putrequest("GET", path, skip_host=True)
            connection.putheader("Host", host)
            connection.endheaders()
            answer = connection.getresponse()
            found = answer.status, answer.read().decode()
            headers.append(dict(answer.getheaders()))
            connection.close()
            return found

        yield get


@pytest.mark.parametrize(
    ("path", "text"),
    [("/", "first page"), ("/index.html?x#y", "first page"), ("/run/a%20b.html", "a run"),
     ("/again", "first page")],
)  # fmt: skip
def test_pages_are_served(ask, path, text):
    assert ask(path) == (200, text)
    assert ask(path, "127.0.0.1")[0] == ask(path, "[::1]:80")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/key", "/out/secret", "/out/", "/loop/", "/pipe", "/../secret", "/%2e%2e/secret", "/run/",
     "/..%2fsecret", "//etc/passwd", "/\\../secret", "/out%00/secret", "/run/?x/", "/loop/?/",
     "/run/?x", "/loop/#x", "/%00/", "/.record.json", "/.git/config", "/run/../.record.json",
      "/" + "a" * 5000],
)  # fmt: skip
def test_nothing_leads_out_of_the_folder_and_no_folder_is_listed(ask, path):
    status, text = ask(path)
    assert status == 404
    assert "hush" not in text
    assert "a b.html" not in text


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example:8000", "[", "a:b@c"])
def test_another_name_of_this_machine_is_told_nothing(ask, host):
    status, text = ask("/", host)
    assert (status, "first page" in text) == (403, False)


@pytest.mark.parametrize(("path", "host"), [("/", None), ("/none", None), ("/", "evil.example")])
def test_every_answer_forbids_what_no_page_needs(ask, headers, path, host):
    ask(path) if host is None else ask(path, host)
    [found] = headers
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Referrer-Policy"] == "no-referrer"
    policy = found["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
