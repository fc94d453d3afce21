package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code redoubt serve --mount}: an IMSM mirror that shows itself as Linux shows one, and whose file carries what a disk carries. How much is a
 * matter of properties: {@code redoubt.mount.files} files on the XFS, {@code redoubt.mount.fio.megabytes} for fio.
 */
@Interop
class MountTest {

    private static final int FILES = Integer.getInteger("redoubt.mount.files", 50_000);
    private static final int FIO_MEGABYTES = Integer.getInteger("redoubt.mount.fio.megabytes", 48);
    private static final int KILLED_DAEMONS = 4;
    private static final long SMALL_DISK_BYTES = 96L << 20;
    private static final long LARGE_DISK_BYTES = 900L << 20;
    private static final Duration LIMIT = Duration.ofMinutes(3);

    /** Writes files of 1 to 6 KiB whose content follows from their number, 500 to a directory. */
    private static final String FILL = """
            import hashlib, os, sys
            root, count = sys.argv[1], int(sys.argv[2])
            for i in range(count):
                d = os.path.join(root, 'd%03d' % (i // 500))
                if i % 500 == 0:
                    os.mkdir(d)
                block = hashlib.sha256(b'%d' % i).digest()
                with open(os.path.join(d, 'f%05d' % i), 'wb') as f:
                    f.write(block * (32 + i * 7919 % 160))
            """;

    /** One hash over the names and contents of all files. */
    private static final String HASH = """
            import hashlib, os, sys
            all, count = hashlib.sha256(), 0
            for folder, folders, files in os.walk(sys.argv[1]):
                folders.sort()
                for name in sorted(files):
                    path = os.path.join(folder, name)
                    all.update(os.path.relpath(path, sys.argv[1]).encode())
                    with open(path, 'rb') as f:
                        all.update(f.read())
                    count += 1
            print(count, all.hexdigest())
            """;

    @BeforeAll
    static void needsPeers() {
        Peer.require(Peer.FIO, Peer.LOSETUP, Peer.MKFS_XFS, Peer.XFS_REPAIR, Peer.PYTHON);
        Mounts.require();
    }

    /** A served mirror of two disks, mounted. */
    private static MountedArray serve(Scratch scratch, long diskBytes) throws IOException {
        RedoubtArray array = RedoubtArray.create(scratch, Level.RAID1, diskBytes);
        return shown(MountedArray.serve(array, Files.createDirectory(scratch.file("mnt"))));
    }

    private static MountedArray shown(MountedArray mounted) {
        Await.until(
                "the volume's file",
                LIMIT,
                () -> Files.exists(mounted.volume()) || !mounted.served().isAlive());
        return mounted;
    }

    private static Outcome sh(String line) {
        return Command.of("sh", "-c", line).within(LIMIT).run();
    }

    /** Goal: what an administrator knows from /sys works here. */
    @Test
    void theArrayIsSeenAndStoppedThroughFiles() throws Exception {
        try (Scratch scratch = Scratch.make();
                MountedArray mounted = serve(scratch, SMALL_DISK_BYTES)) {
            assertThat(mounted.read("array_state")).isIn("clean", "active", "active-idle");
            assertThat(mounted.read("level")).isEqualTo("raid1");
            assertThat(mounted.read("rd0/state")).isEqualTo("in_sync");
            assertThat(Files.readString(mounted.directory().resolve("mdstat")))
                    .contains(RedoubtArray.VOLUME + " : active raid1", "[UU]");
            sh("head -c 1048576 /dev/urandom | dd of=" + mounted.volume()
                            + " bs=64k iflag=fullblock conv=notrunc,fsync")
                    .mustSucceed();
            assertThat(sh("echo nonsense > " + mounted.md("array_state")).exitCode())
                    .isNotZero();
            sh("echo 0.05 > " + mounted.md("safe_mode_delay")).mustSucceed();
            Await.until(
                    "the array is clean",
                    LIMIT,
                    () -> mounted.read("array_state").equals("clean"));
            sh("echo faulty > " + mounted.md("rd1/state")).mustSucceed();
            Await.until(
                    "the array is degraded",
                    LIMIT,
                    () -> mounted.read("degraded").equals("1"));
            sh("echo 1 > " + mounted.directory().resolve("serve/stop")).mustSucceed();
            Await.until("serve ends", LIMIT, () -> !mounted.served().isAlive());
            mounted.served().outcome().mustSucceed();
            assertThat(mounted.isGone()).isTrue();
            assertThat(mounted.directory()).isEmptyDirectory();
        }
    }

    /** Goal: a server that is killed leaves no dead mount, and one that is told to end while a volume is open ends. */
    @Test
    void theMountGoesWithTheServer() throws Exception {
        try (Scratch scratch = Scratch.make()) {
            try (MountedArray mounted = serve(scratch, SMALL_DISK_BYTES)) {
                mounted.served().kill();
                Await.until("the guardian unmounts", LIMIT, mounted::isGone);
                Files.delete(mounted.directory());
            }
        }
        try (Scratch scratch = Scratch.make();
                MountedArray mounted = serve(scratch, SMALL_DISK_BYTES);
                LoopDevice loop = attach(mounted.volume(), false)) {
            Outcome stopped = mounted.served().stop().mustSucceed();
            assertThat(stopped.err()).contains("had an array open as a file");
            assertThat(mounted.isGone()).isTrue();
            assertThat(loop.device()).exists();
        }
    }

    /** Goal: where nothing can be mounted serve says why, and touches no disk. Method: a name space whose /dev has no fuse. */
    @Test
    void withoutTheDeviceServeSaysSo() {
        try (Scratch scratch = Scratch.make()) {
            Redoubt redoubt = Redoubt.in(scratch);
            String serve = String.join(
                    " ",
                    redoubt.line(List.of("serve", "--mount", scratch.folder().toString(), "nosuch.img")));
            Command command = Command.of(
                    "unshare",
                    "-m",
                    "sh",
                    "-c",
                    "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod /dev/random c 1 8"
                            + " && mknod /dev/urandom c 1 9 && exec " + serve);
            redoubt.environment().forEach(command::env);
            assertThat(command.run().mustExit(74).err()).contains("there is no /dev/fuse");
        }
    }

    /** Goal: a loop device over the file is a good disk, with direct I/O and through the page cache. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    void fioVerifiesALoopDevice(boolean direct) throws Exception {
        try (Scratch scratch = Scratch.make();
                MountedArray mounted = serve(scratch, SMALL_DISK_BYTES)) {
            try (LoopDevice loop = attach(mounted.volume(), direct)) {
                Peer.FIO
                        .command(
                                "--name=loop",
                                "--filename=" + loop.device(),
                                "--ioengine=libaio",
                                "--iodepth=16",
                                "--direct=1",
                                "--rw=randwrite",
                                "--bsrange=512-128k",
                                "--blockalign=512",
                                "--size=" + FIO_MEGABYTES + "m",
                                "--verify=crc32c",
                                "--verify_fatal=1",
                                "--do_verify=1",
                                "--fsync=64",
                                "--randrepeat=1",
                                "--minimal")
                        .in(scratch.folder())
                        .within(LIMIT)
                        .run()
                        .mustSucceed();
            }
            mounted.served().stop().mustSucceed();
        }
    }

    @Test
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void anXfsOutlivesTheServer() throws Exception {
        anXfsOutlivesTheServer(true);
    }

    @Test
    @Tag("soak")
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void anXfsOutlivesTheServerWithoutDirectIo() throws Exception {
        anXfsOutlivesTheServer(false);
    }

    /**
     * Goal: a real XFS lives on it, and nothing that was synced goes with a server that is killed. Method: files, hashed; more files, and SIGKILL in the
     * middle of them; another server, another mount, by which XFS recovers its log; hashed again; xfs_repair finds nothing.
     */
    private static void anXfsOutlivesTheServer(boolean direct) throws Exception {
        try (Scratch scratch = Scratch.make();
                MountedArray mounted = serve(scratch, LARGE_DISK_BYTES)) {
            Path point = Files.createDirectory(scratch.file("xfs"));
            long start = System.nanoTime();
            String before;
            try (LoopDevice loop = attach(mounted.volume(), direct)) {
                Peer.MKFS_XFS
                        .command("-q", "-f", loop.device().toString())
                        .run()
                        .mustSucceed();
                try (FileSystem here = FileSystem.mount(loop, point)) {
                    assertThat(fill(here.kept(), scratch).waitFor()).isZero();
                    sh("sync -f " + point).mustSucceed();
                    before = hash(here.kept());
                    assertThat(before).startsWith(FILES + " ");
                    Process writer = fill(here.later(), scratch);
                    Await.until(
                            "it is in the middle of its work",
                            LIMIT,
                            () -> Files.exists(here.later().resolve("d001")));
                    assertThat(writer.isAlive()).isTrue();
                    mounted.served().kill();
                    Await.until("the guardian unmounts", LIMIT, mounted::isGone);
                    assertThat(sh("sync -f " + point).exitCode()).isNotZero();
                    assertThat(writer.waitFor()).as("who writes is told").isNotZero();
                }
            }
            try (MountedArray again = shown(mounted.again())) {
                try (LoopDevice loop = attach(again.volume(), direct)) {
                    try (FileSystem here = FileSystem.mount(loop, point)) {
                        assertThat(hash(here.kept())).isEqualTo(before);
                    }
                    try (FileSystem here = FileSystem.mount(loop, point)) {
                        assertThat(hash(here.kept())).isEqualTo(before);
                    }
                    Peer.XFS_REPAIR
                            .command("-n", loop.device().toString())
                            .within(LIMIT)
                            .run()
                            .mustSucceed();
                }
                again.served().stop().mustSucceed();
            }
            System.err.printf(
                    "%d files on an XFS over a loop device, direct I/O %s, over a volume's file, and a killed server: %d s%n",
                    FILES, direct ? "on" : "off", TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start));
        }
    }

    /**
     * Goal: a file system does not notice what becomes of the daemon that keeps the metadata, nor what the engine then does in its place. Method: files, and
     * in the middle of them SIGKILL for one daemon after another; mounted again and hashed; xfs_repair finds nothing.
     */
    @ParameterizedTest
    @EnumSource(names = {"MDADMS", "OURS"})
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void anXfsOutlivesTheDaemonsOfItsMetadata(DaemonRig.Whose whose) throws Exception {
        DaemonRig.needsPeers();
        try (Scratch scratch = Scratch.make();
                DaemonRig rig = DaemonRig.start(
                        scratch,
                        RedoubtArray.create(scratch, Level.RAID1, LARGE_DISK_BYTES, "--assume-clean"),
                        List.of(RedoubtArray.VOLUME),
                        "500ms",
                        whose)) {
            Process daemon = rig.startDaemon();
            Path parent = Files.createDirectory(scratch.file("shared"));
            Path point = Files.createDirectory(parent.resolve("xfs"));
            String whole;
            int killed = 0;
            try (SharedMounts below = SharedMounts.of(parent);
                    LoopDevice loop = attach(rig.volume(), true)) {
                assertThat(below.folder()).isEqualTo(parent);
                Peer.MKFS_XFS
                        .command("-q", "-f", loop.device().toString())
                        .run()
                        .mustSucceed();
                try (FileSystem here = FileSystem.mount(loop, point)) {
                    Process writer = fill(here.kept(), scratch);
                    for (int next = 1; next <= KILLED_DAEMONS; next++) {
                        Path folder = here.kept().resolve("d%03d".formatted(next * FILES / 500 / (KILLED_DAEMONS + 1)));
                        Await.until("the next part of the files", LIMIT, () -> Files.exists(folder));
                        killed += writer.isAlive() ? 1 : 0;
                        daemon.destroyForcibly();
                        Await.until(
                                "the engine takes over",
                                LIMIT,
                                () -> rig.standing().equals("fenced"));
                        daemon = rig.startDaemon();
                    }
                    assertThat(writer.waitFor())
                            .as("who writes is told nothing")
                            .isZero();
                    whole = hash(here.kept());
                    assertThat(whole).startsWith(FILES + " ");
                }
                try (FileSystem here = FileSystem.mount(loop, point)) {
                    assertThat(hash(here.kept())).isEqualTo(whole);
                }
                Peer.XFS_REPAIR
                        .command("-n", loop.device().toString())
                        .within(LIMIT)
                        .run()
                        .mustSucceed();
            }
            assertThat(killed).as("daemons killed while files were written").isPositive();
            rig.awaitState("clean");
            Await.until("members agree", LIMIT, () -> rig.agree(List.of(0, 1)));
            rig.signal("TERM");
            Await.until("the daemon leaves", LIMIT, () -> !rig.isAlive());
            rig.served().stop().mustSucceed();
            assertThat(rig.volumeField("Dirty State", 0, 1)).containsOnly("clean");
            assertThat(rig.volumeField("Map State", 0, 1)).containsOnly("normal");
        }
    }

    /** Starts to write the files. */
    private static Process fill(Path root, Scratch scratch) throws IOException {
        Files.createDirectory(root);
        return new ProcessBuilder(Peer.PYTHON.path().toString(), "-c", FILL, root.toString(), Integer.toString(FILES))
                .redirectErrorStream(true)
                .redirectOutput(scratch.file("fill.out").toFile())
                .start();
    }

    private static String hash(Path root) {
        return Peer.PYTHON
                .command("-c", HASH, root.toString())
                .within(LIMIT)
                .run()
                .mustSucceed()
                .out();
    }

    /** Below this folder mounts and unmounts are seen in other namespaces, as they are everywhere where systemd is at work. */
    private record SharedMounts(Path folder) implements AutoCloseable {
        static SharedMounts of(Path folder) {
            sh("mount --bind %1$s %1$s && mount --make-shared %1$s".formatted(folder))
                    .mustSucceed();
            return new SharedMounts(folder);
        }

        @Override
        public void close() {
            Command.of("umount", folder.toString()).within(LIMIT).run().mustSucceed();
        }
    }

    private record FileSystem(Path point) implements AutoCloseable {
        static FileSystem mount(LoopDevice loop, Path point) {
            Command.of("mount", "-t", "xfs", loop.device().toString(), point.toString())
                    .within(LIMIT)
                    .run()
                    .mustSucceed();
            return new FileSystem(point);
        }

        Path kept() {
            return point.resolve("kept");
        }

        /** What is being written when the server is killed. */
        Path later() {
            return point.resolve("later");
        }

        @Override
        public void close() {
            Command.of("umount", point.toString()).within(LIMIT).run().mustSucceed();
        }
    }

    private static LoopDevice attach(Path file, boolean direct) {
        Outcome attached = Peer.LOSETUP
                .command("--find", "--show", "--direct-io=" + (direct ? "on" : "off"), file.toString())
                .run();
        if (attached.exitCode() != 0) {
            throw new PeerMissing(
                    "no loop device to be had here: " + attached.err().strip());
        }
        return new LoopDevice(Path.of(attached.out().strip()));
    }
}
