package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Redoubt in the hands of a user who is nobody: an array is mounted all the same, through fusermount3; what takes root says so. */
@Interop
class UnprivilegedTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String NOBODY = "65534";
    private static final int ROUNDS = 10;

    @BeforeAll
    static void needsPeers() {
        Peer.require(Peer.SETPRIV, Peer.FUSERMOUNT, Peer.PYTHON);
        Mounts.require(); // root also to become somebody else
        try (Scratch scratch = Scratch.make()) {
            give(scratch);
            Outcome version = Redoubt.in(scratch)
                    .startedBy(asNobody())
                    .command("--version")
                    .run();
            if (version.exitCode() != 0) {
                throw new PeerMissing("a user who is nobody cannot run %s here: %s"
                        .formatted(
                                Checkout.root().resolve("redoubt"),
                                version.err().strip()));
            }
        }
    }

    private static List<String> asNobody() {
        return List.of(
                Peer.SETPRIV.path().toString(), "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups", "--");
    }

    /** Not a Python that lies in somebody's home. */
    private static List<String> python() {
        List<String> words = new ArrayList<>(asNobody());
        words.addAll(List.of("env", "PATH=/usr/local/bin:/usr/bin:/bin", "python3"));
        return words;
    }

    private static void give(Scratch scratch) {
        Command.of("chown", "-R", NOBODY + ":" + NOBODY, scratch.folder().toString())
                .run()
                .mustSucceed();
    }

    /** What a shell of that user does with this line. */
    private static Outcome sh(String line) {
        List<String> words = new ArrayList<>(asNobody());
        words.addAll(List.of("sh", "-c", line));
        return Command.of(words).env("LC_ALL", "C").within(LIMIT).run();
    }

    /**
     * Goal: who is not root has all of it: the files, which nobody else sees, not even root; poll; writes; and nothing is left, neither by a stop nor by
     * kill -9.
     */
    @Test
    @Timeout(value = 3, unit = TimeUnit.MINUTES)
    void nobodyServesAMountAndPollsIt() throws Exception {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray made = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            Path directory = Files.createDirectory(scratch.file("mnt"));
            give(scratch);
            RedoubtArray array = new RedoubtArray(made.redoubt().startedBy(asNobody()), made.images());
            try (MountedArray mounted = MountedArray.serve(array, directory)) {
                assertThat(Files.getAttribute(
                                Path.of("/proc", Long.toString(mounted.served().pid())), "unix:uid"))
                        .isEqualTo(Integer.parseInt(NOBODY));
                awaitVolume(mounted);
                assertThat(Command.of("cat", mounted.md("array_state").toString())
                                .env("LC_ALL", "C")
                                .run()
                                .mustExit(1)
                                .err())
                        .contains("Permission denied");
                pollAndChange(mounted);
                mounted.served().stop().mustSucceed();
                assertThat(mounted.isGone()).isTrue();
            }
            try (MountedArray mounted = MountedArray.serve(array, directory)) {
                awaitVolume(mounted); // there is a guardian by then
                mounted.served().kill();
                Await.until(
                        "the guardian unmounts, the volumes too",
                        LIMIT,
                        () -> Mounts.at(scratch.folder()).isEmpty());
            }
            assertThat(directory).isEmptyDirectory();
        }
    }

    private static void awaitVolume(MountedArray mounted) {
        Await.until(
                "the volume's file",
                LIMIT,
                () -> sh("test -f " + mounted.volume()).exitCode() == 0);
    }

    private static void pollAndChange(MountedArray mounted) throws IOException {
        Path state = mounted.md("array_state");
        sh("echo 600 > " + mounted.md("safe_mode_delay")).mustSucceed();
        try (PollingClient client = PollingClient.start(python(), state)) {
            assertThat(client.next().value()).isEqualTo("clean");
            for (int round = 0; round < ROUNDS; round++) {
                wakes(client, "readonly", "echo readonly > " + state);
                wakes(client, "read-auto", "echo read-auto > " + state);
                wakes(client, "active", "dd if=/dev/zero bs=4096 count=1 conv=notrunc of=" + mounted.volume());
                wakes(client, "clean", "echo clean > " + state);
            }
        }
    }

    private static void wakes(PollingClient client, String becomes, String line) throws IOException {
        client.awaitSleep();
        // A file that was closed is in use until the kernel has said so.
        Await.until(becomes + " to be taken", LIMIT, () -> sh(line).exitCode() == 0);
        PollingClient.Reading reading;
        do {
            reading = client.next();
            assertThat(reading.events()).isEqualTo(PollingClient.CHANGED);
        } while (!reading.value().equals(becomes));
    }

    /** Goal: who cannot run another's daemon is told that it takes root, in one sentence, before anything else is looked at. */
    @Test
    void anothersDaemonTakesRootAndSaysSo() {
        try (Scratch scratch = Scratch.make()) {
            give(scratch);
            String mdmon = Peer.MDMON.path().toString();
            Outcome refused = Redoubt.in(scratch)
                    .startedBy(asNobody())
                    .command(
                            "mdmon",
                            "--exec",
                            mdmon,
                            "--mount",
                            scratch.folder().toString(),
                            "md127")
                    .run()
                    .mustExit(74);
            assertThat(refused.out()).isEmpty();
            assertThat(refused.err().lines())
                    .singleElement()
                    .asString()
                    .startsWith("redoubt: only root can run '" + mdmon + "'");
        }
    }
}
