package redoubt.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Where an NBD server listens: {@code unix:PATH} or {@code tcp:HOST:PORT}. */
sealed interface ListenAddress {

    /** The port that NBD has by convention. */
    int STANDARD_PORT = 10809;

    /** The URI under which clients reach an export. */
    String uri(String export);

    /** A Unix socket. */
    record Unix(Path path) implements ListenAddress {
        @Override
        public String uri(String export) {
            return "nbd+unix:///" + encoded(export) + "?socket="
                    + encoded(path.toAbsolutePath().normalize().toString());
        }
    }

    /**
     * A TCP socket.
     *
     * @param host name or address, an IPv6 address without brackets
     */
    record Tcp(String host, int port) implements ListenAddress {
        @Override
        public String uri(String export) {
            String shown = host.contains(":") ? "[" + host + "]" : host;
            return "nbd://" + shown + (port == STANDARD_PORT ? "" : ":" + port) + "/" + encoded(export);
        }
    }

    /**
     * Reads an address.
     *
     * @throws Refused if it is none
     */
    static ListenAddress parse(String text) throws Refused {
        if (text.startsWith("unix:") && text.length() > "unix:".length()) {
            return new Unix(Path.of(text.substring("unix:".length())));
        }
        if (text.startsWith("tcp:")) {
            return tcp(text, text.substring("tcp:".length()));
        }
        throw wrong(text);
    }

    private static Tcp tcp(String text, String rest) throws Refused {
        boolean bracketed = rest.startsWith("[");
        int hostEnd = bracketed ? rest.indexOf(']') : rest.lastIndexOf(':');
        String host = rest.substring(bracketed ? 1 : 0, hostEnd < 0 ? rest.length() : hostEnd);
        String port = hostEnd < 0 ? "" : rest.substring(bracketed ? hostEnd + 1 : hostEnd);
        if (host.isEmpty() || (bracketed && hostEnd < 0) || (!bracketed && host.contains(":"))) {
            throw wrong(text);
        }
        if (port.isEmpty()) {
            return new Tcp(host, STANDARD_PORT);
        }
        if (!port.matches(":[0-9]{1,5}") || Integer.parseInt(port.substring(1)) > 65535) {
            throw wrong(text);
        }
        return new Tcp(host, Integer.parseInt(port.substring(1)));
    }

    private static Refused wrong(String text) {
        return new Refused(ExitCode.USAGE, "'" + text + "' is no place to listen; write unix:PATH or tcp:HOST:PORT");
    }

    /** Percent-encoding of all that is not plain in a URI; '/' stays, since paths are easier read with it. */
    private static String encoded(String text) {
        StringBuilder uri = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xFF);
            boolean plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (plain || "-._~/".indexOf(c) >= 0) {
                uri.append(c);
            } else {
                uri.append("%%%02X".formatted((int) c));
            }
        }
        return uri.toString();
    }
}
