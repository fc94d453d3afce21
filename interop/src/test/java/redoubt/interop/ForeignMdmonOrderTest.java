package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * In which order the mdmon of Debian's mdadm, as it is, writes metadata and tells the engine of it, seen by strace: what it writes to its disks, which are
 * doors of ours, and what it stores in attributes. The engine lets writes go by what is stored, so it must be on the disks by then.
 */
@Interop
class ForeignMdmonOrderTest {

    private static final String NO_DEADLINE = "0";
    private static final int LOST = 1;
    private static final int BEGINNING_BYTES = 1 << 20;
    private static final int ALL_BYTES = 4 << 20;

    @BeforeAll
    static void needsPeers() {
        DaemonRig.needsPeers();
        Peer.require(Peer.STRACE);
    }

    /**
     * One thing that the monitor wrote.
     *
     * @param file a disk's node, or an attribute
     * @param text its beginning, as strace shows it
     */
    private record Written(String file, String text) {

        boolean isMetadata() {
            return file.contains("/dev/.tmp.md.");
        }

        boolean isStored(String attribute, String value) {
            return file.endsWith("/" + attribute) && text.equals(value);
        }
    }

    /** strace beside the monitor's thread, which does all there is to do from being woken to being asleep. */
    private record Trace(Strace strace) implements AutoCloseable {

        /** {@code write(9</sys/block/md126/md//array_state>, "active", 6) = 6}. */
        private static final Pattern WRITE = Pattern.compile(
                "p?write(?:64)?\\(\\d+<(.*?)>(?:\\(deleted\\))?, \"(.*)\"(?:\\.\\.\\.)?, \\d+.*\\) += \\d+");

        static Trace of(DaemonRig rig, Path output) throws IOException {
            return new Trace(Strace.beside(
                    rig.monitor(), () -> !rig.isAlive(), output, "-y", "-s", "64", "-e", "trace=write,pwrite64"));
        }

        /** What it has written when so much is there; then it is let go. */
        List<Written> until(String what, Predicate<List<Written>> enough) throws IOException {
            Await.until(what, DaemonRig.LIMIT, () -> enough.test(written()));
            close();
            return written();
        }

        private List<Written> written() throws IOException {
            List<Written> all = new ArrayList<>();
            for (String line : Files.readAllLines(strace.output())) {
                Matcher write = WRITE.matcher(line);
                if (write.matches()) {
                    all.add(new Written(write.group(1), write.group(2)));
                }
            }
            return all;
        }

        @Override
        public void close() {
            strace.close();
        }
    }

    private static boolean isActive(Written written) {
        return written.isStored("array_state", "active");
    }

    private static List<Integer> where(List<Written> all, Predicate<Written> which) {
        return IntStream.range(0, all.size())
                .filter(i -> which.test(all.get(i)))
                .boxed()
                .toList();
    }

    private static int once(List<Written> all, Predicate<Written> which) {
        assertThat(all).filteredOn(which).hasSize(1);
        return where(all, which).getFirst();
    }

    private static long disks(List<Written> all) {
        return all.stream()
                .filter(Written::isMetadata)
                .map(Written::file)
                .distinct()
                .count();
    }

    /**
     * Goal: the dirty mark is on every disk before the engine hears {@code active}, and the clean mark is written when it has been told {@code clean}. Method:
     * the first write to an array, and the time after it; that it is the dirty mark which was written is seen by mdadm, as nothing is written later.
     */
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID5"})
    @Timeout(value = 3, unit = TimeUnit.MINUTES)
    void theDirtyMarkIsWrittenBeforeActiveIsStored(Level level) throws Exception {
        try (Scratch scratch = Scratch.make();
                DaemonRig rig = DaemonRig.start(scratch, level, NO_DEADLINE, DaemonRig.Whose.MDADMS)) {
            rig.startDaemon();
            rig.awaitState("read-auto");
            rig.store("safe_mode_delay", "600");
            assertThat(rig.volumeField("Dirty State", rig.allMembers())).containsOnly("clean");
            Path content = Content.pattern(scratch.file("content"), BEGINNING_BYTES, 1);

            List<Written> marked;
            try (Trace trace = Trace.of(rig, scratch.file("dirty"))) {
                assertThat(rig.write(content).waitFor()).isZero();
                marked = trace.until(
                        "the store of active", all -> all.stream().anyMatch(ForeignMdmonOrderTest::isActive));
                rig.awaitState("active");
            }
            int active = once(marked, ForeignMdmonOrderTest::isActive);
            assertThat(disks(marked)).as("disks in %s", marked).isEqualTo(level.members);
            assertThat(where(marked, Written::isMetadata)).allMatch(when -> when < active);
            assertThat(rig.volumeField("Dirty State", rig.allMembers())).containsOnly("dirty");

            List<Written> cleaned;
            try (Trace trace = Trace.of(rig, scratch.file("clean"))) {
                rig.store("safe_mode_delay", "0.1");
                Await.until(
                        "the members say clean",
                        DaemonRig.LIMIT,
                        () -> rig.volumeField("Dirty State", rig.allMembers()).stream()
                                .allMatch("clean"::equals));
                cleaned = trace.until("the last disk", all -> disks(all) == level.members);
            }
            int clean = once(cleaned, written -> written.isStored("array_state", "clean"));
            assertThat(disks(cleaned)).as("disks in %s", cleaned).isEqualTo(level.members);
            assertThat(where(cleaned, Written::isMetadata)).allMatch(when -> when > clean);
        }
    }

    /**
     * Goal: a write whose member fails under it ends when, and only when, the daemon has the failure on the survivors and lets the member go. Method: a member
     * is pulled out, so that it fails by what a client writes; the daemon is stopped meanwhile.
     */
    @ParameterizedTest
    @EnumSource(names = {"RAID1", "RAID5"})
    @Timeout(value = 3, unit = TimeUnit.MINUTES)
    void aWriteIsParkedUntilTheFailureOfItsMemberIsRecorded(Level level) throws Exception {
        Peer.require(Peer.QEMU_STORAGE_DAEMON);
        try (Scratch scratch = Scratch.make()) {
            RedoubtArray made = RedoubtArray.create(scratch, level, "--assume-clean");
            List<Path> images = new ArrayList<>(made.images());
            try (PullableDisk disk = PullableDisk.over(images.get(LOST), scratch)) {
                images.set(LOST, disk.file());
                RedoubtArray array = new RedoubtArray(made.redoubt(), images);
                try (DaemonRig rig = DaemonRig.start(
                        scratch, array, List.of(RedoubtArray.VOLUME), NO_DEADLINE, DaemonRig.Whose.MDADMS)) {
                    aWriteIsParkedUntilTheFailureIsRecorded(scratch, rig, disk);
                }
            }
        }
    }

    private static void aWriteIsParkedUntilTheFailureIsRecorded(Scratch scratch, DaemonRig rig, PullableDisk disk)
            throws Exception {
        int[] survivors =
                Arrays.stream(rig.allMembers()).filter(member -> member != LOST).toArray();
        String lost = "rd" + LOST;
        Path volume = scratch.file("mnt").resolve("volumes").resolve(RedoubtArray.VOLUME);
        rig.startDaemon();
        rig.store("safe_mode_delay", "600");
        assertThat(rig.write(Content.pattern(scratch.file("beginning"), BEGINNING_BYTES, 1))
                        .waitFor())
                .isZero();

        Path content = Content.pattern(scratch.file("content"), ALL_BYTES, 2);
        List<Written> recorded;
        try (Trace trace = Trace.of(rig, scratch.file("failure"))) {
            rig.signal("STOP");
            Await.until("the daemon is stopped", DaemonRig.LIMIT, rig::isStopped);
            disk.pull();
            Process writer = rig.write(content);
            Await.until(
                    "the member fails",
                    DaemonRig.LIMIT,
                    () -> rig.md(lost + "/state").contains("faulty"));
            assertThat(rig.md(lost + "/state")).contains("blocked");
            Command.of("dd", "if=" + volume, "of=/dev/null", "bs=64k", "count=16")
                    .run()
                    .mustSucceed();
            assertThat(rig.volumeField("Map State", survivors)).containsOnly("normal");
            assertThat(rig.md(lost + "/state")).contains("faulty", "blocked");
            assertThat(writer.isAlive()).as("the write is parked").isTrue();

            rig.signal("CONT");
            assertThat(writer.waitFor(DaemonRig.LIMIT.toSeconds(), TimeUnit.SECONDS))
                    .isTrue();
            assertThat(writer.exitValue()).isZero();
            assertThat(rig.volumeField("Map State", survivors)).containsOnly("degraded");
            Await.until("the daemon removes the member", DaemonRig.LIMIT, () -> !rig.has(lost));
            recorded = trace.until(
                    "the store of remove",
                    all -> all.stream().anyMatch(written -> written.isStored("state", "remove")));
        }
        int unblocked = once(recorded, written -> written.isStored("state", "-blocked"));
        assertThat(disks(recorded)).as("disks in %s", recorded).isEqualTo(survivors.length);
        assertThat(where(recorded, Written::isMetadata)).allMatch(when -> when < unblocked);
        assertThat(once(recorded, written -> written.isStored("state", "remove")))
                .isGreaterThan(unblocked);
        for (int survivor : survivors) {
            assertThat(rig.examine(survivor).disks().get(LOST)).containsEntry("State", "active failed");
        }
        assertThat(rig.md("degraded")).isEqualTo("1");
        Peer.CMP
                .command("-n", Integer.toString(ALL_BYTES), content.toString(), volume.toString())
                .run()
                .mustSucceed();
    }

    /** A disk that can be pulled out: the file of a server of files, which is killed. */
    private record PullableDisk(Process server, Path file) implements AutoCloseable {

        static PullableDisk over(Path image, Scratch scratch) throws IOException {
            Path file = Files.createFile(scratch.file("pullable.img"));
            Process server = new ProcessBuilder(
                            Peer.QEMU_STORAGE_DAEMON.path().toString(),
                            "--blockdev",
                            "driver=file,node-name=disk,filename=" + image,
                            "--export",
                            "type=fuse,id=file,node-name=disk,writable=on,mountpoint=" + file)
                    .redirectErrorStream(true)
                    .redirectOutput(scratch.file("pullable.said").toFile())
                    .start();
            PullableDisk disk = new PullableDisk(server, file);
            try {
                Await.until("the disk's file", DaemonRig.LIMIT, () -> Files.size(file) == Files.size(image));
                return disk;
            } catch (TimeLimitPassed missing) {
                disk.close();
                throw missing;
            }
        }

        void pull() {
            server.destroyForcibly();
            Await.until("the disk is out", DaemonRig.LIMIT, () -> !server.isAlive());
        }

        @Override
        public void close() {
            pull();
            Command.of("umount", "-l", file.toString()).run();
        }
    }
}
