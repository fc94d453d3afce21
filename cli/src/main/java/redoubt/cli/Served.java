package redoubt.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.ControlPath;
import redoubt.control.SocketAttributes;

/** How the verbs that act on a served array find the process that serves it. */
final class Served {

    private static final long ANSWER_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);

    @Option(
            names = "--control",
            paramLabel = "PATH",
            description = "The control socket of the process that serves the array. Default: NAME.sock in /run/redoubt"
                    + " (root) or in $$XDG_RUNTIME_DIR/redoubt (without that: /tmp/redoubt-USER).")
    private Optional<Path> control = Optional.empty();

    /**
     * An array that is served somewhere.
     *
     * @param attributes the tree of the process that serves it
     * @param name what the tree calls it
     */
    record Array(Attributes attributes, String name) implements AutoCloseable {

        /** The value of one of its attributes under {@code md/}, without the newline. */
        String md(String attribute) throws IOException, Refused {
            return read(attributes, path(attribute));
        }

        String path(String attribute) {
            return "block/" + name + "/md/" + attribute;
        }

        @Override
        public void close() {
            attributes.close();
        }
    }

    /** Nobody answers for this array. */
    static Refused nobody(String name, String because) {
        return new Refused(
                ExitCode.TRY_AGAIN,
                "nobody serves " + (name.isEmpty() ? "an array there" : "'" + name + "'") + ": " + because
                        + "; start it with 'redoubt serve', or name its socket with --control");
    }

    /** Connects to the process that serves the array of this name. */
    Array array(String name) throws Refused, IOException {
        if (control.isEmpty()) {
            ControlPath.check(ControlPath.directory());
        }
        Path socket = control.orElseGet(() -> ControlPath.of(ControlPath.directory(), name));
        Attributes attributes = connect(name, socket);
        String wanted = named(attributes, name);
        for (String each : arrays(attributes)) {
            if (each.equals(wanted) || each.equals(nodeName(wanted))) {
                return new Array(attributes, each);
            }
        }
        List<String> there = arrays(attributes);
        attributes.close();
        throw new Refused(ExitCode.USAGE.number(), "'" + socket + "' does not serve '" + name + "'; it serves:", there);
    }

    /** Whether a socket was named. */
    boolean isNamed() {
        return control.isPresent();
    }

    /**
     * A container whose metadata is kept outside the process that serves it.
     *
     * @param socket the control socket of that process
     * @param name such as md127
     */
    record Container(Path socket, String name) {}

    /** Finds the container of this name, or of the array of this name. */
    Container container(String name) throws Refused, IOException {
        if (control.isEmpty()) {
            ControlPath.check(ControlPath.directory());
        }
        List<Path> sockets = control.map(List::of).orElseGet(() -> ControlPath.sockets(ControlPath.directory()));
        List<Container> found = new ArrayList<>();
        for (Path socket : sockets) {
            try (Attributes attributes = connect(name, socket)) {
                containerOf(attributes, name).ifPresent(container -> found.add(new Container(socket, container)));
            } catch (Refused gone) {
                if (control.isPresent()) {
                    throw gone;
                }
            }
        }
        if (found.size() > 1) {
            throw new Refused(
                    ExitCode.USAGE.number(),
                    "'" + name + "' is served more than once; name one with --control:",
                    found.stream().map(each -> each.socket().toString()).toList());
        }
        if (found.isEmpty()) {
            throw new Refused(
                    ExitCode.TRY_AGAIN,
                    "nobody serves '" + name + "' with its metadata kept outside; start it with 'redoubt serve --keeper"
                            + " external', or name its socket with --control");
        }
        return found.getFirst();
    }

    /** What the container of this name, or of the array of this name, is called in a tree; empty if its metadata is not kept outside. */
    static Optional<String> containerOf(Attributes attributes, String name) throws IOException {
        try {
            attributes.list("daemons");
            String version = attributes.read("block/" + nodeName(name) + "/md/metadata_version");
            int slash = version.indexOf('/', "external:/".length());
            if (!version.startsWith("external:")) {
                return Optional.empty();
            }
            boolean array = slash > 0;
            return Optional.of(array ? version.substring("external:/".length(), slash) : nodeName(name));
        } catch (AttributeRefused notHere) {
            return Optional.empty();
        }
    }

    /** Connects to every process that can be found, or to the one whose socket was named. */
    List<Attributes> all() throws Refused, IOException {
        if (control.isEmpty()) {
            ControlPath.check(ControlPath.directory());
        }
        List<Path> sockets = control.map(List::of).orElseGet(() -> ControlPath.sockets(ControlPath.directory()));
        List<Attributes> found = new ArrayList<>();
        for (Path socket : sockets) {
            try {
                found.add(connect("", socket));
            } catch (Refused gone) {
                if (control.isPresent()) {
                    throw gone;
                }
            }
        }
        return found;
    }

    private static Attributes connect(String name, Path socket) throws Refused {
        if (!Files.exists(socket)) {
            throw nobody(name, "there is no socket '" + socket + "'");
        }
        try {
            return SocketAttributes.connect(socket, ANSWER_LIMIT_NANOS);
        } catch (IOException silent) {
            throw nobody(name, "'" + socket + "' does not answer");
        }
    }

    /** What the tree calls an array that may be known there by another name: both lead to one UUID. */
    private static String named(Attributes attributes, String name) throws IOException, Refused {
        try {
            for (Attributes.Entry entry : attributes.list("block")) {
                if (entry.kind() == Attributes.Kind.LINK && entry.name().equals(nodeName(name))) {
                    String uuid = attributes.read("block/" + entry.name() + "/md/uuid");
                    for (String each : arrays(attributes)) {
                        if (attributes.read("block/" + each + "/md/uuid").equals(uuid)) {
                            return each;
                        }
                    }
                }
            }
            return name;
        } catch (AttributeRefused refused) {
            throw unexpected(refused);
        }
    }

    /** The arrays of a process. */
    static List<String> arrays(Attributes attributes) throws IOException, Refused {
        try {
            List<String> arrays = new ArrayList<>();
            for (Attributes.Entry entry : attributes.list("block")) {
                boolean array = entry.kind() == Attributes.Kind.DIRECTORY
                        && !attributes
                                .read("block/" + entry.name() + "/md/level")
                                .isEmpty();
                if (array) { // and not a container, nor another name of one
                    arrays.add(entry.name());
                }
            }
            return arrays;
        } catch (AttributeRefused refused) {
            throw unexpected(refused);
        }
    }

    /** The value of an attribute, without the newline. */
    static String read(Attributes attributes, String path) throws IOException, Refused {
        try {
            String value = attributes.read(path);
            return value.endsWith("\n") ? value.substring(0, value.length() - 1) : value;
        } catch (AttributeRefused refused) {
            throw unexpected(refused);
        }
    }

    /** The array went away between two questions. */
    static Refused unexpected(AttributeRefused refused) {
        return new Refused(ExitCode.TRY_AGAIN, "the server answers: " + refused.sentence());
    }

    /** An array's or a disk's name as the tree can have it: like the kernel's names, without blanks and slashes. */
    static String nodeName(String name) {
        String node = name.replaceAll("[^A-Za-z0-9._+:@~-]", "_");
        return node.isEmpty() || node.equals(".") || node.equals("..") ? "_" + node : node;
    }
}
