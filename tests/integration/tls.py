#!/usr/bin/env python3
"""TLS: versions, certificates of clients, renewed certificates, and what is
sent and read in odd pieces."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import redis

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from support.connection import Connection, ErrorReply, encode  # noqa: E402
from support.server import Server, becomes, find_port, run_tests  # noqa: E402


class Authority:
    """A certificate authority, and what it has signed, in files."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="respgres-tls-")
        os.chmod(self.directory, 0o755)
        self.certificate = self.path("ca.crt")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", "/CN=tests", "-keyout", self.path("ca.key"),
                     "-out", self.certificate)
        self.sign("server")
        self.sign("client")

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True,
                       capture_output=True)

    def sign(self, name, organization="first"):
        """NAME.crt and NAME.key, for localhost."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/O={organization}/CN={name}", "-keyout",
                     self.path(name + ".key"), "-out",
                     self.path(name + ".csr"))
        with open(self.path("names"), "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA",
                     self.certificate, "-CAkey", self.path("ca.key"),
                     "-CAcreateserial", "-days", "2", "-extfile",
                     self.path("names"), "-out", self.path(name + ".crt"))
        os.chmod(self.path(name + ".key"), 0o644)

    def remove(self):
        shutil.rmtree(self.directory)


AUTHORITY = Authority()


def options(*more):
    port = find_port()
    return port, ("--tls-port", port, "--tls-cert-file",
                  AUTHORITY.path("server.crt"), "--tls-key-file",
                  AUTHORITY.path("server.key"), "--tls-ca-cert-file",
                  AUTHORITY.certificate, *more)


def context(with_certificate=True):
    made = ssl.create_default_context(cafile=AUTHORITY.certificate)
    if with_certificate:
        made.load_cert_chain(AUTHORITY.path("client.crt"),
                             AUTHORITY.path("client.key"))
    return made


def connect(port, how=None):
    plain = socket.create_connection(("127.0.0.1", port), 20)
    how = how or context()
    return how.wrap_socket(plain, server_hostname="localhost")


def ask(connection, data, size):
    connection.sendall(data)
    answer = bytearray()
    while len(answer) < size:
        part = connection.recv(1 << 16)
        assert part, bytes(answer[-100:])
        answer += part
    return bytes(answer)


def is_refused(port, how):
    """Whether the server does not talk to such a client."""
    try:
        with connect(port, how) as connection:
            return ask(connection, b"PING\r\n", 7) != b"+PONG\r\n"
    except (OSError, AssertionError):
        return True


def test_commands_work():
    port, arguments = options()
    with Server(*arguments) as server:
        client = redis.Redis(
            port=port, ssl=True, ssl_ca_certs=AUTHORITY.certificate,
            ssl_certfile=AUTHORITY.path("client.crt"),
            ssl_keyfile=AUTHORITY.path("client.key"))
        value = os.urandom(5 << 20)
        client.set("large", value)
        assert client.get("large") == value
        with client.pipeline(transaction=False) as pipeline:
            for number in range(5000):
                pipeline.set(f"k{number}", number)
                pipeline.get(f"k{number}")
            assert pipeline.execute()[1::2] == [
                b"%d" % number for number in range(5000)]
        client.close()
        # The same data without TLS.
        assert Connection(server.port).call("GET", "k7") == b"7"
        shown = subprocess.run(
            ["redis-cli", "-p", str(port), "--tls", "--cacert",
             AUTHORITY.certificate, "--cert", AUTHORITY.path("client.crt"),
             "--key", AUTHORITY.path("client.key"), "GET", "k8"],
            capture_output=True, text=True, check=True).stdout
        assert shown == "8\n", shown


def test_any_pieces():
    port, arguments = options()
    with Server(*arguments):
        with connect(port) as connection:
            for byte in encode("SET", "k", "value"):
                connection.sendall(bytes([byte]))
            assert ask(connection, b"", 5) == b"+OK\r\n"
            # More in one record than is read at once, and many answers.
            command = encode("GET", "k")
            answer = b"$5\r\nvalue\r\n"
            assert ask(connection, command * 20000,
                       len(answer) * 20000) == answer * 20000
        # Who does not read is not read either, and gets all in the end.
        with connect(port) as connection:
            ask(connection, encode("SET", "big", b"x" * 100000), 5)
            connection.sendall(encode("GET", "big") * 100)
            time.sleep(0.3)
            total = 100 * (len(b"$100000\r\n") + 100002)
            assert len(ask(connection, b"", total)) == total


def test_who_is_let_in():
    port, arguments = options()
    with Server(*arguments) as server:
        client = Connection(server.port)
        stranger = Authority()
        known, unknown = context(), context(False)
        forged = ssl.create_default_context(cafile=AUTHORITY.certificate)
        forged.load_cert_chain(stranger.path("client.crt"),
                               stranger.path("client.key"))
        stranger.remove()
        assert not is_refused(port, known)
        assert is_refused(port, unknown) and is_refused(port, forged)
        client.call("CONFIG", "SET", "tls-auth-clients", "optional")
        assert not is_refused(port, known) and not is_refused(port, unknown)
        assert is_refused(port, forged)
        client.call("CONFIG", "SET", "tls-auth-clients", "no")
        assert not is_refused(port, unknown)
        old = context(False)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert not is_refused(port, old)
        client.call("CONFIG", "SET", "tls-protocols", "TLSv1.3")
        assert is_refused(port, old) and not is_refused(port, unknown)
        # Somebody who speaks no TLS, or stops in the middle of it.
        with socket.create_connection(("127.0.0.1", port), 20) as plain:
            plain.sendall(b"PING\r\n" * 10)
            try:
                assert not plain.recv(100).startswith(b"+PONG")
            except ConnectionResetError:
                pass
        half = socket.create_connection(("127.0.0.1", port), 20)
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert client.call("PING") == b"PONG"
        half.close()
        assert becomes(lambda: b"connected_clients:1\r\n"
                       in client.call("INFO", "clients"))


def test_certificates_are_renewed():
    port, arguments = options("--tls-auth-clients", "no")

    def organization():
        with connect(port, context(False)) as connection:
            return dict(pair for part in connection.getpeercert()["subject"]
                        for pair in part)["organizationName"]

    with Server(*arguments) as server:
        client = Connection(server.port)
        with connect(port, context(False)) as connection:
            assert organization() == "first"
            AUTHORITY.sign("server", "second")
            assert organization() == "first"
            server.process.send_signal(signal.SIGHUP)
            assert becomes(lambda: organization() == "second")
            AUTHORITY.sign("server", "third")
            assert client.call("CONFIG", "SET", "tls-cert-file",
                               AUTHORITY.path("server.crt"), "tls-key-file",
                               AUTHORITY.path("server.key")) == b"OK"
            assert organization() == "third"
            # What does not fit is refused, and changes nothing.
            for name, value in (("tls-cert-file", "/nowhere"),
                                ("tls-key-file", AUTHORITY.path("ca.key")),
                                ("tls-protocols", "SSLv2"),
                                ("tls-ciphers", "none of these")):
                assert isinstance(client.call("CONFIG", "SET", name, value),
                                  ErrorReply), name
            assert organization() == "third"
            assert ask(connection, b"PING\r\n", 7) == b"+PONG\r\n"


def test_the_port_opens_and_closes():
    with Server("--tls-auth-clients", "no") as server:
        client = Connection(server.port)
        port = find_port()
        assert isinstance(client.call("CONFIG", "SET", "tls-port", port),
                          ErrorReply)
        client.call("CONFIG", "SET", "tls-cert-file",
                    AUTHORITY.path("server.crt"), "tls-key-file",
                    AUTHORITY.path("server.key"))
        assert client.call("CONFIG", "SET", "tls-port", port) == b"OK"
        assert not is_refused(port, context(False))
        assert client.call("CONFIG", "SET", "tls-port", 0) == b"OK"
        assert is_refused(port, context(False))


if __name__ == "__main__":
    try:
        STATUS = run_tests((), [], [
            test_commands_work, test_any_pieces, test_who_is_let_in,
            test_certificates_are_renewed, test_the_port_opens_and_closes])
    finally:
        AUTHORITY.remove()
    sys.exit(STATUS)
