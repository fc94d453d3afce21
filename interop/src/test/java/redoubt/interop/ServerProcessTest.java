package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The process that serves, as the kernel sees it: who it is, and what memory it takes. */
@Interop
class ServerProcessTest {

    private static final int KIB = 1024;
    private static final int LIMIT_BEYOND_DATA_KIB = 96 * KIB;
    private static final int LOAD_SECONDS = 5;
    private static final Duration DIRTY_WITHIN = Duration.ofMinutes(1);
    private static final Duration LISTENS_WITHIN = Duration.ofSeconds(30);

    @BeforeAll
    static void needsFio() {
        Peer.require(Peer.FIO, Peer.NBDINFO);
    }

    /**
     * All that is resident and is neither a member's page nor memory that requests carry. The machine itself says how much that is: what
     * code in Java has outside the heap, it books under "Other".
     */
    @ParameterizedTest
    @EnumSource
    void takesLittleMemoryBeyondDataAtTheEndOfALoad(Level level) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            Redoubt counting = array.redoubt().withFlags("-XX:NativeMemoryTracking=summary");
            try (RedoubtProcess served = counting.serve(array.disks())) {
                String uri = served.uri(RedoubtArray.VOLUME);
                new ClientChecks(uri, RedoubtArray.VOLUME, scratch).fioVerifies(LOAD_SECONDS, 1);

                int resident = resident(served); // before asking, which takes memory too
                int data = dataMemory(served);
                int beyond = resident - data;
                System.err.printf(
                        "memory of serving %s at the end of a load: %d KiB of data, and %d KiB beyond it%n",
                        level, data, beyond);
                assertThat(beyond).isLessThanOrEqualTo(LIMIT_BEYOND_DATA_KIB);
                assertThat(array.health(served).at("/memory_lock").asString())
                        .as("this one has not locked its memory, and what it has once touched may go")
                        .isEqualTo("none");
                served.stop().mustSucceed();
            }
        }
    }

    /**
     * Goal: whatever a locked server will write to is there, touched or not, within the same limit. Method: a server that rehearses and locks, under load; then its
     * mappings, before anything is asked that would take memory. Left out is the C library's heap: free pieces in it are nobody's any more, and not there.
     */
    @Test
    void hasAllItCanWriteInMemoryWhenItIsLocked() {
        hasAllItCanWriteInMemoryWhenItIsLocked(Level.RAID1);
    }

    /** The largest of all: less than a mebibyte below the limit. */
    @Test
    @Tag("soak")
    void hasAllItCanWriteInMemoryWhenItIsLockedWithParity() {
        hasAllItCanWriteInMemoryWhenItIsLocked(Level.RAID5);
    }

    private static void hasAllItCanWriteInMemoryWhenItIsLocked(Level level) {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
            Redoubt counting = array.redoubt().withFlags("-XX:NativeMemoryTracking=summary");
            List<String> words = new ArrayList<>(List.of("--rehearsal", "3s"));
            words.addAll(array.disks());
            try (RedoubtProcess served = counting.serve(words)) {
                new ClientChecks(served.uri(RedoubtArray.VOLUME), RedoubtArray.VOLUME, scratch)
                        .fioVerifies(LOAD_SECONDS, 1);

                int resident = resident(served);
                List<String> missing = missing(proc(served, "smaps"));
                int beyond = resident - dataMemory(served);
                JsonNode health = array.health(served);
                System.err.printf(
                        "memory of serving %s, locked, at the end of a load: %d KiB beyond data; %s%n",
                        level, beyond, health);
                Assumptions.assumeTrue(
                        health.at("/memory_lock").asString().equals("writable+used"),
                        "memory cannot be locked here: CAP_IPC_LOCK is missing");
                assertThat(missing).isEmpty();
                assertThat(beyond).isLessThanOrEqualTo(LIMIT_BEYOND_DATA_KIB);
                served.stop().mustSucceed();
            }
        }
    }

    /** The writable mappings of a process, not shared, that are not in memory as a whole. */
    private static List<String> missing(String smaps) {
        // 7f00-7f10 rw-p 00000000 00:00 0  [heap]
        // Size:    132 kB ... Rss:    12 kB
        Pattern mapping = Pattern.compile(
                "(?m)^([0-9a-f]+-[0-9a-f]+ rw.p .*)$(?s:.*?)^Size:\\s+(\\d+) kB$(?s:.*?)^Rss:\\s+(\\d+) kB$");
        List<String> missing = new ArrayList<>();
        Matcher found = mapping.matcher(smaps);
        while (found.find()) {
            if (!found.group(2).equals(found.group(3)) && !found.group(1).endsWith("[heap]")) {
                missing.add(found.group());
            }
        }
        return missing;
    }

    /** Image files are reached through the page cache: that is never safe, so the whole way to the exit code is seen on any machine. */
    @Test
    void isRefusedAtOnceWhereItIsToBeSafeAndCannotBe() throws IOException {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            Path sockets = Files.createDirectory(scratch.file("sockets"));
            List<String> words = new ArrayList<>(List.of("serve", "--require-safe", "--rehearsal", "1s"));
            words.addAll(List.of("--control", sockets.resolve("c").toString()));
            words.addAll(List.of("--listen", "unix:" + sockets.resolve("n")));
            words.addAll(array.disks());
            Outcome refused = array.redoubt().command(words).run();
            assertThat(refused.exitCode()).as(refused.err()).isEqualTo(77);
            assertThat(refused.err())
                    .contains("not served, because it would be unsafe:")
                    .contains("2 of 2 members are reached through the page cache");
            assertThat(refused.out()).isEmpty();
            assertThat(sockets).isEmptyDirectory();
            try (RedoubtProcess served = array.serve()) {
                served.stop().mustSucceed();
            }
        }
    }

    @Test
    void isTheProcessThatWasStartedInTheMachineThatServingNeeds() {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            try (RedoubtProcess served = array.serve()) {
                assertThat(proc(served, "cmdline").split("\0"))
                        .contains("-Dredoubt.dataplane=yes", "-XX:+AlwaysPreTouch");
                assertThat(proc(served, "environ").split("\0")).contains("MALLOC_ARENA_MAX=1");
                served.stop().mustSucceed();
            }
        }
    }

    /** Goal: systemd starts what depends on an array when clients can connect, and knows a stop from a crash. Method: its socket, and who hears. */
    @Test
    void tellsWhoStartedItThatItIsReadyAndThatItStops() {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            Path socket = scratch.file("notify");
            Path heard = scratch.file("heard");
            Process hears = hears(socket, heard);
            try {
                Await.until("the listener", LISTENS_WITHIN, () -> Files.exists(socket));
                Redoubt notifying = array.redoubt().startedBy(List.of("env", "NOTIFY_SOCKET=" + socket));
                try (RedoubtProcess served = notifying.serve(array.disks())) {
                    String ready = "READY=1\nSTATUS=serving " + served.uri(RedoubtArray.VOLUME) + "\n";
                    Await.until(
                            "the word that it is ready",
                            LISTENS_WITHIN,
                            () -> Files.readString(heard).equals(ready));
                    served.stop().mustSucceed();
                    Await.until(
                            "the word that it stops",
                            LISTENS_WITHIN,
                            () -> Files.readString(heard).equals(ready + "STOPPING=1\n"));
                }
            } finally {
                hears.destroy();
            }
        }
    }

    private static Process hears(Path socket, Path heard) {
        String listener = """
                import socket, sys
                heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                heard.bind(sys.argv[1])
                while True:
                    print(heard.recv(4096).decode(), flush=True)
                """;
        try {
            return new ProcessBuilder(Peer.PYTHON.path().toString(), "-c", listener, socket.toString())
                    .redirectOutput(heard.toFile())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void saysAsJsonWhatIsServed() {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.createMatrix(scratch, "w", "--assume-clean");
            try (RedoubtProcess served = array.serve("--json")) {
                Await.until(
                        "what is served to be said",
                        LISTENS_WITHIN,
                        () -> served.outcome().out().endsWith("\n"));
                String told = served.outcome().out();
                assertThat(told.lines()).hasSize(1);
                JsonNode document = new ObjectMapper().readTree(told);
                assertThat(document.at("/output_version/command").asString()).isEqualTo("serve");
                assertThat(document.at("/pid").asLong()).isEqualTo(served.pid());
                assertThat(document.at("/control").asString())
                        .isEqualTo(served.control().toString());
                assertThat(document.at("/mount").isNull()).isTrue();
                assertThat(document.at("/arrays").size()).isEqualTo(2);
                for (int i = 0; i < 2; i++) {
                    JsonNode volume = document.at("/arrays/" + i);
                    String name = volume.at("/name").asString();
                    assertThat(name).isEqualTo(i == 0 ? RedoubtArray.VOLUME : "w");
                    assertThat(volume.at("/level").asString()).isEqualTo(i == 0 ? "raid1" : "raid0");
                    assertThat(volume.at("/uris").size()).isEqualTo(1);
                    assertThat(volume.at("/uris/0").asString()).isEqualTo(served.uri(name));
                    assertThat(volume.at("/read_only").asBoolean()).isFalse();
                    assertThat(volume.at("/size_bytes").asLong()).isPositive();
                }
                assertThat(document.at("/unsafe").size()).isPositive();
                served.stop().mustSucceed();
            }
        }
    }

    /** Until somebody compares its members, nothing that is done to it makes it clean. */
    @Test
    void stopSaysThatAnArrayWhichWasFoundDirtyIsDirtyStill() {
        Peer.require(Peer.QEMU_IO);
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            // A moment after the last write the array is clean again.
            Await.until("a kill while the array is dirty", DIRTY_WITHIN, () -> isDirtyAfterKill(array));
            assertThat(told("status", array)).contains("whether its members agree is not known");
            assertThat(told("stop", array)).contains("its members say that it is dirty");
        }
    }

    @Test
    void stopSaysThatAnArrayIsClean() {
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
            assertThat(told("stop", array)).contains("its members say that it is clean");
        }
    }

    /**
     * Goal: looking for the order of many disks takes no more memory than serving has. Method: eight disks that nothing names but their content,
     * which is a file system with something on each of them; and again with one of them known.
     */
    @Test
    void findsTheOrderOfEightDisksInTheMemoryThatServingHas() throws IOException {
        Peer.require(Peer.MKFS_EXT4, Peer.NBDCOPY);
        try (Scratch scratch = Scratch.make()) {
            Redoubt redoubt = Redoubt.in(scratch);
            List<String> disks = new ArrayList<>();
            for (int disk = 0; disk < 8; disk++) {
                disks.add(scratch.sparse("disk%d.img".formatted(disk), 24 << 20).toString());
            }
            List<String> creating = new ArrayList<>(
                    List.of("create", "v", "--metadata", "imsm", "--level", "5", "--chunk", "64K", "--yes"));
            creating.add("--assume-clean");
            for (int disk = 0; disk < 8; disk++) {
                creating.add(RedoubtArray.disk(disks.get(disk), disk));
            }
            redoubt.command(creating).run().mustSucceed();
            List<String> scanning = new ArrayList<>(List.of("scan", "--json"));
            scanning.addAll(disks);
            long size = new ObjectMapper()
                    .readTree(redoubt.command(scanning).run().mustSucceed().out())
                    .at("/containers/0/volumes/0/size_bytes")
                    .asLong();
            // Of the array's own size: a smaller one might be left over from another array.
            Path content = scratch.sparse("content", size);
            Peer.MKFS_EXT4
                    .command("-q", "-O", "^sparse_super,^resize_inode", "-g", "1032", "-b", "1024", content.toString())
                    .run()
                    .mustSucceed();
            try (RedoubtProcess served = redoubt.serve(creating.subList(creating.size() - 8, creating.size()))) {
                Peer.NBDCOPY.command(content.toString(), served.uri("v")).run().mustSucceed();
                served.stop().mustSucceed();
            }
            for (String disk : disks) {
                Files.getFileAttributeView(Path.of(disk), UserDefinedFileAttributeView.class)
                        .delete("redoubt.serial");
            }

            List<String> permuted = new ArrayList<>();
            for (int disk : List.of(3, 1, 7, 0, 6, 2, 5, 4)) {
                permuted.add(disks.get(disk));
            }
            List<String> nobodyKnown = new ArrayList<>(permuted);
            nobodyKnown.addAll(0, List.of("serve", "--listen", "unix:" + scratch.file("nobody")));
            Outcome refused = redoubt.command(nobodyKnown).run();
            assertThat(refused.exitCode()).isEqualTo(65);
            assertThat(refused.err()).contains("there are too many ways (40320) to arrange them; give at least 1 of");

            permuted.set(5, RedoubtArray.disk(disks.get(2), 2));
            permuted.add("--read-only");
            try (RedoubtProcess served = redoubt.serve(permuted)) {
                Path back = scratch.file("back");
                Peer.NBDCOPY.command(served.uri("v"), back.toString()).run().mustSucceed();
                assertThat(Files.mismatch(content, back)).isEqualTo(-1);
                served.stop().mustSucceed();
            }
        }
    }

    private static boolean isDirtyAfterKill(RedoubtArray array) {
        try (RedoubtProcess served = array.serve()) {
            Peer.QEMU_IO
                    .command("-f", "raw", "-c", "write -P 0x31 0 64k", served.uri(RedoubtArray.VOLUME))
                    .run()
                    .mustSucceed();
            served.kill();
        }
        List<String> words = new ArrayList<>(List.of("examine"));
        words.addAll(array.disks());
        return array.redoubt().command(words).run().mustSucceed().out().contains("Dirty State : dirty");
    }

    /** What this verb says of it while it is served. */
    private static String told(String verb, RedoubtArray array) {
        try (RedoubtProcess served = array.serve()) {
            return array.redoubt()
                    .command(verb, "--control", served.control().toString(), RedoubtArray.VOLUME)
                    .run()
                    .mustSucceed()
                    .out();
        }
    }

    private static int resident(RedoubtProcess served) {
        return status(served, "RssAnon") + status(served, "RssFile");
    }

    private static int status(RedoubtProcess served, String field) {
        return number(proc(served, "status"), "(?m)^" + field + ":\\s+(\\d+) kB$");
    }

    private static int dataMemory(RedoubtProcess served) {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        String told = Command.of(jcmd, Long.toString(served.pid()), "VM.native_memory", "summary", "scale=KB")
                .run()
                .mustSucceed()
                .out();
        return number(told, "(?m)^-\\s+Other \\(reserved=\\d+KB, committed=(\\d+)KB\\)");
    }

    private static int number(String text, String pattern) {
        Matcher found = Pattern.compile(pattern).matcher(text);
        assertThat(found.find()).as("%s in%n%s", pattern, text).isTrue();
        return Integer.parseInt(found.group(1));
    }

    private static String proc(RedoubtProcess served, String file) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(served.pid()), file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
