package redoubt.interop;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Redoubt as its users meet it: the {@code redoubt} command of this checkout, run as a child. Whatever it keeps (sockets,
 * backups, state) it keeps in the test's own scratch folder.
 */
public final class Redoubt {
    private final Scratch scratch;
    private final Path launcher;
    private final String flags;
    private final List<String> before;

    private Redoubt(Scratch scratch, Path launcher, String flags, List<String> before) {
        this.scratch = scratch;
        this.launcher = launcher;
        this.flags = flags;
        this.before = before;
    }

    /** The command of this checkout, as it was last built; {@link PeerMissing} if it was not. */
    public static Redoubt in(Scratch scratch) {
        Path root = Checkout.root();
        if (!Files.exists(root.resolve("target/dist/built"))) {
            throw new PeerMissing("redoubt is not built in %s: ./redoubt --version builds it".formatted(root));
        }
        return new Redoubt(scratch, root.resolve("redoubt"), "", List.of());
    }

    /** The same with further flags for its virtual machine. */
    public Redoubt withFlags(String more) {
        return new Redoubt(scratch, launcher, more, before);
    }

    /** The same, started by another command whose words these are, and which becomes it. */
    public Redoubt startedBy(List<String> words) {
        return new Redoubt(scratch, launcher, flags, List.copyOf(words));
    }

    /** A command line, ready to run. */
    public Command command(String... words) {
        return command(List.of(words));
    }

    public Command command(List<String> words) {
        Command command = Command.of(line(words));
        environment().forEach(command::env);
        return command;
    }

    /** Starts {@code serve} with these words on a new Unix socket, and returns when a client would be greeted. */
    public RedoubtProcess serve(List<String> words) {
        return RedoubtProcess.serve(this, scratch, words);
    }

    List<String> line(List<String> words) {
        List<String> line = new ArrayList<>(before);
        line.add(launcher.toString());
        line.addAll(words);
        return line;
    }

    Map<String, String> environment() {
        Map<String, String> environment = new TreeMap<>();
        environment.put("REDOUBT_BUILD", "never"); // the build that runs this test has built what it tests
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        environment.put("HOME", scratch.folder().toString());
        for (String home :
                List.of("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")) {
            environment.put(home, scratch.folder().toString());
        }
        environment.put("REDOUBT_JVM_FLAGS", flags);
        environment.put("LC_ALL", "C.UTF-8");
        environment.put("TZ", "UTC");
        return environment;
    }
}
