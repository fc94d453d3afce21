package redoubt.nbd;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Where an export is: {@code nbd://HOST[:PORT]/EXPORT} or {@code nbd+unix:///EXPORT?socket=PATH}, as the NBD URI specification has
 * them. The path without its first slash is the name of the export; an empty one is the default export.
 *
 * @param host host name or address, without brackets; null for a Unix socket
 * @param port TCP port
 * @param socket path of a Unix socket; null for TCP
 * @param export name of the export, may be empty
 */
public record NbdUri(
        @Nullable String host, int port, @Nullable String socket, String export) {

    /** Says what is wrong with a URI. */
    public static final class Malformed extends Exception {
        Malformed(String uri, String because) {
            super("'" + uri + "' is no usable NBD URI: " + because);
        }
    }

    /** Whether a text begins as an NBD URI does, of whichever kind. */
    public static boolean looksLikeOne(String text) {
        return text.startsWith("nbd:")
                || text.startsWith("nbds:")
                || text.startsWith("nbd+")
                || text.startsWith("nbds+");
    }

    /** Reads a URI, or says what is wrong with it. */
    public static NbdUri parse(String uri) throws Malformed {
        int schemeEnd = uri.indexOf("://");
        if (schemeEnd < 0) {
            throw new Malformed(uri, "it does not begin with nbd:// or nbd+unix://");
        }
        if (uri.indexOf('#') >= 0) {
            throw new Malformed(uri, "an NBD URI has no fragment; write '#' as %23");
        }
        String rest = uri.substring(schemeEnd + 3);
        String query = "";
        int queryBegin = rest.indexOf('?');
        if (queryBegin >= 0) {
            query = rest.substring(queryBegin + 1);
            rest = rest.substring(0, queryBegin);
        }
        int pathBegin = rest.indexOf('/');
        String authority = pathBegin < 0 ? rest : rest.substring(0, pathBegin);
        String export = pathBegin < 0 ? "" : decoded(uri, rest.substring(pathBegin + 1));
        if (export.getBytes(StandardCharsets.UTF_8).length > Wire.STRING_LIMIT_BYTES) {
            throw new Malformed(uri, "the name of an export has at most 4096 bytes");
        }
        if (export.indexOf('\0') >= 0) {
            throw new Malformed(uri, "the name of an export has no NUL");
        }
        return switch (uri.substring(0, schemeEnd)) {
            case "nbd" -> tcp(uri, authority, query, export);
            case "nbd+unix" -> unix(uri, authority, query, export);
            case "nbds", "nbds+unix" ->
                throw new Malformed(
                        uri, "it asks for TLS, which is not there yet; use nbd:// or nbd+unix:// on this machine");
            case "nbd+vsock", "nbds+vsock" -> throw new Malformed(uri, "vsock is not supported");
            default -> throw new Malformed(uri, "it does not begin with nbd:// or nbd+unix://");
        };
    }

    private static NbdUri tcp(String uri, String authority, String query, String export) throws Malformed {
        String where = authority;
        if (where.indexOf('@') >= 0) {
            throw new Malformed(uri, "a user name is for TLS, which is not there yet");
        }
        int port = Wire.DEFAULT_PORT;
        int bracket = where.lastIndexOf(']');
        int colon = where.lastIndexOf(':');
        if (colon > bracket) {
            port = port(uri, where.substring(colon + 1));
            where = where.substring(0, colon);
        }
        if (where.startsWith("[") && where.endsWith("]")) {
            where = where.substring(1, where.length() - 1);
        } else if (where.indexOf(':') >= 0) {
            throw new Malformed(uri, "an IPv6 address stands in brackets, as in nbd://[::1]/");
        }
        if (where.isEmpty()) {
            throw new Malformed(uri, "it names no host");
        }
        for (String parameter : parameters(query)) {
            throw new Malformed(uri, "the parameter '" + nameOf(parameter) + "' is not known for nbd://");
        }
        return new NbdUri(decoded(uri, where), port, null, export);
    }

    private static int port(String uri, String text) throws Malformed {
        if (text.isEmpty()) {
            return Wire.DEFAULT_PORT;
        }
        if (!text.chars().allMatch(c -> c >= '0' && c <= '9') || text.length() > 5) {
            throw new Malformed(uri, "'" + text + "' is no port");
        }
        int port = Integer.parseInt(text);
        if (port < 1 || port > 65535) {
            throw new Malformed(uri, "a port is 1 to 65535, not " + port);
        }
        return port;
    }

    private static NbdUri unix(String uri, String authority, String query, String export) throws Malformed {
        if (!authority.isEmpty()) {
            throw new Malformed(uri, "nbd+unix has no host: three slashes, then the export");
        }
        String socket = null;
        for (String parameter : parameters(query)) {
            if (!nameOf(parameter).equals("socket")) {
                throw new Malformed(uri, "the parameter '" + nameOf(parameter) + "' is not known for nbd+unix://");
            }
            if (socket != null) {
                throw new Malformed(uri, "it names two sockets");
            }
            socket = decoded(uri, parameter.substring(Math.min(parameter.length(), "socket=".length())));
        }
        if (socket == null || socket.isEmpty()) {
            throw new Malformed(uri, "it names no socket: add ?socket=PATH");
        }
        if (socket.indexOf('\0') >= 0) {
            throw new Malformed(uri, "abstract sockets are not supported");
        }
        return new NbdUri(null, 0, socket, export);
    }

    private static String[] parameters(String query) {
        return query.isEmpty() ? new String[0] : query.split("&", -1);
    }

    private static String nameOf(String parameter) {
        int equals = parameter.indexOf('=');
        return equals < 0 ? parameter : parameter.substring(0, equals);
    }

    private static String decoded(String uri, String text) throws Malformed {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] raw = text.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < raw.length; i++) {
            if (raw[i] != '%') {
                bytes.write(raw[i]);
                continue;
            }
            boolean whole = i + 2 < raw.length;
            int high = whole ? Character.digit(raw[i + 1], 16) : -1;
            int low = whole ? Character.digit(raw[i + 2], 16) : -1;
            if (high < 0 || low < 0) {
                throw new Malformed(uri, "a percent sign is followed by two hexadecimal digits");
            }
            bytes.write(high << 4 | low);
            i += 2;
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes.toByteArray()))
                    .toString();
        } catch (CharacterCodingException notText) {
            throw new Malformed(uri, "what its percent signs stand for is no UTF-8");
        }
    }

    /** The URI as text. */
    @Override
    public String toString() {
        if (socket != null) {
            return "nbd+unix:///" + encoded(export) + "?socket=" + encoded(socket);
        }
        String shown = host != null && host.indexOf(':') >= 0 ? "[" + host + "]" : String.valueOf(host);
        return "nbd://" + shown + ":" + port + "/" + encoded(export);
    }

    private static String encoded(String text) {
        StringBuilder uri = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            boolean letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
            boolean plain = letter || (b >= '0' && b <= '9') || "-._~/".indexOf(b) >= 0;
            if (plain) {
                uri.append((char) b);
            } else {
                uri.append('%').append(Character.toUpperCase(Character.forDigit((b >> 4) & 15, 16)));
                uri.append(Character.toUpperCase(Character.forDigit(b & 15, 16)));
            }
        }
        return uri.toString();
    }
}
