package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NbdUriTest {

    @ParameterizedTest
    @CsvSource({
        "nbd://example.com:10810/disk, example.com, 10810, disk",
        "nbd://example.com/, example.com, 10809, ''",
        "nbd://example.com, example.com, 10809, ''",
        "nbd://example.com//disk, example.com, 10809, /disk",
        "nbd://example.com/hello%20world, example.com, 10809, hello world",
        "nbd://127.0.0.1:/x, 127.0.0.1, 10809, x",
        "nbd://[::1]:99/x, ::1, 99, x",
        "nbd://[::1], ::1, 10809, ''",
        "nbd://h/%C3%BC, h, 10809, ü",
    })
    void tcpIsUnderstood(String uri, String host, int port, String export) throws NbdUri.Malformed {
        assertThat(NbdUri.parse(uri)).isEqualTo(new NbdUri(host, port, null, export));
        assertThat(NbdUri.parse(NbdUri.parse(uri).toString())).isEqualTo(NbdUri.parse(uri));
    }

    @ParameterizedTest
    @CsvSource({
        "nbd+unix:///disk?socket=sock, sock, disk",
        "nbd+unix://?socket=/run/a, /run/a, ''",
        "nbd+unix:///a%3Fb?socket=/tmp/x%20y%26z, /tmp/x y&z, a?b",
    })
    void unixIsUnderstood(String uri, String socket, String export) throws NbdUri.Malformed {
        assertThat(NbdUri.parse(uri)).isEqualTo(new NbdUri(null, 0, socket, export));
        assertThat(NbdUri.parse(NbdUri.parse(uri).toString())).isEqualTo(NbdUri.parse(uri));
    }

    @ParameterizedTest
    @CsvSource({
        "nbds://host/x, asks for TLS",
        "nbds+unix:///x?socket=s, asks for TLS",
        "nbd+vsock://1/x, vsock",
        "http://host/x, does not begin",
        "nbd:host:1, does not begin",
        "nbd:///x, names no host",
        "nbd://me@host/x, user name",
        "nbd://host:0/x, 1 to 65535",
        "nbd://host:65536/x, 1 to 65535",
        "nbd://host:9x/x, is no port",
        "nbd://::1/x, brackets",
        "nbd://host/x?socket=y, is not known",
        "nbd://host/x#y, fragment",
        "nbd://host/%4, hexadecimal",
        "nbd://host/%zz, hexadecimal",
        "nbd://host/%ff, no UTF-8",
        "nbd://host/a%00b, no NUL",
        "nbd+unix:///x, names no socket",
        "nbd+unix:///x?socket=, names no socket",
        "nbd+unix:///x?socket=%00abc, abstract",
        "nbd+unix://host/x?socket=s, three slashes",
        "nbd+unix:///x?socket=a&socket=b, two sockets",
        "nbd+unix:///x?tls-type=psk&socket=a, tls-type",
    })
    void whatIsWrongIsSaid(String uri, String because) {
        assertThatThrownBy(() -> NbdUri.parse(uri))
                .isInstanceOf(NbdUri.Malformed.class)
                .hasMessageContaining(uri)
                .hasMessageContaining(because);
    }

    @Test
    void aNameTooLongIsRefused() {
        assertThatThrownBy(() -> NbdUri.parse("nbd://h/" + "x".repeat(4097))).hasMessageContaining("at most 4096");
    }
}
