package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.AssemblyOptions;
import redoubt.block.IoMemory;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.control.MountAttributes;
import redoubt.kernfs.Errno;
import redoubt.testkit.Waiting;

/** {@code serve --keeper external --mount}: daemons that find all they need as files, and are fenced there. */
@Tag("interop")
class DoorFilesServiceTest {

    private static final int DISK_BYTES = 24 << 20;
    private static final int ANCHOR = DISK_BYTES - 1024;
    private static final long DEADLINE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);

    @TempDir
    Path folder;

    private Path mount;
    private Engine engine;
    private Service service;

    @BeforeEach
    void serve() throws Exception {
        boolean can = Files.exists(Path.of("/dev/fuse")) && SystemCalls.user() == 0;
        if (!can) {
            System.err.println("SKIPPED: this needs root and /dev/fuse");
        }
        assumeTrue(can, "this needs root and /dev/fuse");
        mount = Files.createDirectory(folder.resolve("mnt"));
        List<String> disks = Run.createMirror(folder, DISK_BYTES);
        engine = new Engine();
        IoMemory memory = DataMemory.forServing();
        AssembledContainer container = engine.start(
                Engine.disks(disks),
                Access.WRITE,
                AssemblyOptions.WRITABLE.keptOutside(DEADLINE_NANOS),
                memory,
                sentence -> {});
        service = Service.start(
                container,
                engine.heartbeat(),
                memory,
                new Service.Sockets(
                        folder.resolve("c"),
                        List.of(),
                        List.of(new ListenAddress.Unix(folder.resolve("n"))),
                        Optional.of(mount)),
                () -> {});
    }

    @AfterEach
    void stop() {
        if (service != null) {
            assertThat(service.stop()).isTrue();
            engine.close();
            assertThat(mount).isEmptyDirectory();
        }
    }

    private void store(String attribute, String value) throws IOException {
        Files.writeString(mount.resolve(attribute), value, StandardOpenOption.WRITE);
    }

    private boolean says(String attribute, String value) {
        try {
            return Files.readString(mount.resolve(attribute)).equals(value + "\n");
        } catch (IOException gone) {
            throw new java.io.UncheckedIOException(gone);
        }
    }

    private FileChannel door(String daemon, int disk) throws IOException {
        return FileChannel.open(
                mount.resolve("doors/" + daemon + ":" + disk), StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    private static byte[] read(FileChannel door, long position) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(512);
        assertThat(door.read(bytes, position)).isEqualTo(512);
        return bytes.array();
    }

    private static void write(FileChannel door, long position, byte[] bytes) throws IOException {
        assertThat(door.write(ByteBuffer.wrap(bytes), position)).isEqualTo(bytes.length);
    }

    /** Goal: a door is a disk to read, metadata to write, and after the fence nothing, to whoever has it open already and to who opens it then. */
    @Test
    void aDoorIsShutByTheFence() throws Exception {
        store("daemons/enter", "a");
        assertThat(says("daemons/a/block/nvme1n1/device/serial", "S1")).isTrue();
        assertThat(says("daemons/a/block/nvme1n1/queue/logical_block_size", "512"))
                .isTrue();
        store("daemons/a/block/nvme1n1/dev", "7:12");
        assertThat(says("daemons/a/block/md126/md/dev-nvme1n1/block/dev", "7:12"))
                .isTrue();
        assertThat(says("daemons/a/block/md127/md/dev-nvme1n1/block/dev", "7:12"))
                .isTrue();
        assertThat(Files.readString(mount.resolve("daemons/a/mdstat"))).contains("raid1 nvme0n1[0] nvme1n1[1]");
        try (FileChannel first = door("a", 0);
                FileChannel second = door("a", 1)) {
            byte[] anchor = read(first, ANCHOR);
            assertThat(anchor).startsWith("Intel Raid ISM".getBytes(StandardCharsets.US_ASCII));
            assertThatThrownBy(() -> write(first, ANCHOR, anchor))
                    .as("it is not current yet")
                    .isInstanceOf(IOException.class);
            read(second, ANCHOR);
            Waiting.until("it is current", () -> says("daemons/a/standing", "current"));
            write(first, ANCHOR, anchor);
            assertThatThrownBy(() -> write(first, 0, new byte[512]))
                    .as("no metadata lies there")
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("Input/output error");
            store("daemons/a/block/md126/md/array_state", "read-auto");
            Waiting.until("the array is taken", () -> says("block/md126/md/array_state", "read-auto"));

            try (FileChannel volume = FileChannel.open(mount.resolve("volumes/v"), StandardOpenOption.WRITE)) {
                write(volume, 0, new byte[4096]); // which ends when the deadline is over
            }
            assertThat(says("daemons/a/standing", "fenced")).isTrue();
            assertThatThrownBy(() -> read(first, ANCHOR)).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> write(first, ANCHOR, anchor)).isInstanceOf(IOException.class);
            try (FileChannel again = door("a", 0)) {
                assertThatThrownBy(() -> write(again, ANCHOR, anchor)).isInstanceOf(IOException.class);
            }
            assertThatThrownBy(() -> store("daemons/a/block/md126/md/array_state", "active"))
                    .hasMessageContaining("busy");
            store("daemons/enter", "b");
            assertThat(mount.resolve("doors").toFile().list()).containsExactlyInAnyOrder("b:0", "b:1");
        }
    }

    /**
     * Goal: once the next daemon keeps the metadata, the fenced one reaches nothing by what it has open still, neither its own doors nor the other's, and
     * its end is not the other's end. Method: it lives on with all of its files, and writes what would be seen on the member.
     */
    @Test
    void aFencedDaemonIsInQuarantineWhenTheNextOneIsIn() throws Exception {
        byte[] wrong = new byte[512];
        java.util.Arrays.fill(wrong, (byte) 0xEE);
        FileChannel[] doors = enter("a");
        FileChannel state = FileChannel.open(
                mount.resolve("daemons/a/block/md126/md/array_state"),
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        store("daemons/a/block/md126/md/array_state", "read-auto");
        Waiting.until("the array is taken", () -> says("block/md126/md/array_state", "read-auto"));
        try (FileChannel volume = FileChannel.open(mount.resolve("volumes/v"), StandardOpenOption.WRITE)) {
            write(volume, 0, new byte[4096]); // which ends when the deadline is over
        }
        Waiting.until("it is fenced", () -> says("daemons/a/standing", "fenced"));

        FileChannel[] next = enter("b");
        byte[] anchor = read(next[0], ANCHOR);
        write(next[0], ANCHOR, anchor);
        assertThat(mount.resolve("daemons").toFile().list()).containsExactlyInAnyOrder("b", "enter");
        assertThat(mount.resolve("doors").toFile().list()).containsExactlyInAnyOrder("b:0", "b:1");
        assertThatThrownBy(() -> door("a", 0)).isInstanceOf(java.nio.file.NoSuchFileException.class);
        for (FileChannel door : doors) {
            assertThatThrownBy(() -> write(door, ANCHOR, wrong)).hasMessageContaining("Input/output error");
            assertThatThrownBy(() -> read(door, ANCHOR)).hasMessageContaining("Input/output error");
        }
        assertThatThrownBy(() -> write(state, 0, "active".getBytes(StandardCharsets.US_ASCII)))
                .hasMessageContaining("No such device");
        assertThatThrownBy(() -> read(state, 0)).hasMessageContaining("No such device");
        assertThat(read(next[0], ANCHOR)).isEqualTo(anchor);

        for (FileChannel door : doors) {
            door.close();
        }
        state.close();
        write(next[1], ANCHOR, read(next[1], ANCHOR)); // comes after the closing, by the same connection
        assertThat(says("daemons/b/standing", "current")).isTrue();
        for (FileChannel door : next) {
            door.close();
        }
        Waiting.until("it has left", () -> says("daemons/b/standing", "fenced"));
    }

    /** Lets a daemon in, and has it read what makes it the one who keeps the metadata. */
    private FileChannel[] enter(String daemon) throws IOException {
        store("daemons/enter", daemon);
        FileChannel[] doors = {door(daemon, 0), door(daemon, 1)};
        Waiting.until("it is current", () -> {
            assertThat(doors).allSatisfy(door -> read(door, ANCHOR));
            return says("daemons/" + daemon + "/standing", "current");
        });
        return doors;
    }

    /** Goal: a daemon that died in whatever way is gone at once, without a deadline. */
    @Test
    void aDaemonWhoseDoorsAreClosedHasLeft() throws Exception {
        store("daemons/enter", "a");
        try (FileChannel first = door("a", 0)) {
            read(first, ANCHOR);
            try (FileChannel second = door("a", 1)) {
                read(second, ANCHOR);
                Waiting.until("it is current", () -> says("daemons/a/standing", "current"));
            }
            assertThat(says("daemons/a/standing", "current"))
                    .as("as long as one is open")
                    .isTrue();
        }
        Waiting.until("it has left", () -> says("daemons/a/standing", "fenced"));
        Waiting.until("the engine has taken over", () -> says("block/md126/md/metadata_version", "external:-md127/0"));
    }

    /** Goal: the tree through files is the tree: values, errors, kinds, links, changes; and that the server is gone is no answer of it. */
    @Test
    void attributesAreReachedThroughFiles() throws Exception {
        FileChannel[] doors = enter("a");
        try (Attributes attributes = MountAttributes.open(mount)) {
            assertThat(attributes.read("block/md126/md/level")).isEqualTo("raid1\n");
            assertThat(attributes.read("mdstat")).contains("super external:");
            assertThat(attributes.list("block"))
                    .contains(
                            new Attributes.Entry("md126", Attributes.Kind.DIRECTORY),
                            new Attributes.Entry("v", Attributes.Kind.LINK));
            assertThat(attributes.list("daemons/a"))
                    .contains(new Attributes.Entry("standing", Attributes.Kind.ATTRIBUTE));
            assertThat(attributes.readlink("block/v")).isEqualTo("md126");
            refused(Errno.ENOENT, () -> attributes.read("block/nosuch"));
            refused(Errno.ENOENT, () -> attributes.watch("block/nosuch"));
            refused(Errno.ENOTDIR, () -> attributes.list("mdstat"));
            refused(Errno.EISDIR, () -> attributes.read("block"));
            refused(Errno.EINVAL, () -> attributes.readlink("mdstat"));
            refused(Errno.EINVAL, () -> attributes.write("block/md126/md/array_state", "nonsense"));
            refused(Errno.EBUSY, () -> attributes.write("block/md126/md/array_state", "active"));

            attributes.watch("daemons/a/standing");
            assertThat(attributes.awaitChange(0)).isEmpty();
            attributes.wake();
            assertThat(attributes.awaitChange(LIMIT_NANOS)).isEmpty();
            attributes.write("daemons/a/leave", "1");
            assertThat(attributes.awaitChange(LIMIT_NANOS)).contains(new Attributes.Change("daemons/a/standing", 1));
            Waiting.until("it has left", () -> says("daemons/a/standing", "fenced"));
            store("daemons/enter", "b");
            Optional<Attributes.Change> told = attributes.awaitChange(LIMIT_NANOS);
            assertThat(told).as("it is removed").isPresent();
            while (told.isPresent()) { // until there is nothing to be told of it any more
                told = attributes.awaitChange(TimeUnit.MILLISECONDS.toNanos(100));
            }
            refused(Errno.ENOENT, () -> attributes.read("daemons/a/standing"));

            for (FileChannel door : doors) {
                door.close();
            }
            attributes.watch("daemons/b/standing");
            assertThat(service.stop()).isTrue();
            engine.close();
            service = null;
            assertThatThrownBy(() -> attributes.read("mdstat"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("not mounted any more");
            assertThatThrownBy(() -> {
                        attributes.awaitChange(LIMIT_NANOS);
                        attributes.awaitChange(LIMIT_NANOS);
                    })
                    .isInstanceOf(IOException.class);
        }
    }

    private static void refused(Errno errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        AttributeRefused.class,
                        refusal -> assertThat(refusal.errno()).isEqualTo(errno));
    }

    /** Goal: who cannot run another's daemon is told why, before anything is changed. */
    @Test
    void theVerbSaysWhatIsMissing() throws Exception {
        assertThat(Run.of(folder, "mdmon", "--exec", "/nosuch", "--mount", mount.toString(), "md127")
                        .err())
                .contains("'/nosuch' is no program");
        Run nothing = Run.of(folder, "mdmon", "--exec", "/bin/true", "--mount", folder.toString(), "md127");
        assertThat(nothing.exit()).isEqualTo(75);
        assertThat(nothing.err()).contains("no array waits for a daemon in");
        Run noContainer = Run.of(folder, "mdmon", "--exec", "/bin/true", "--mount", mount.toString(), "md126");
        assertThat(noContainer.exit()).isEqualTo(64);
        assertThat(noContainer.err()).contains("'md126' is no container");
        assertThat(Run.of(folder, "mdmon", "--exec", "/bin/true", "md127").err())
                .contains("--exec needs --mount DIR");
        assertThat(Run.of(folder, "mdmon", "--control", "c", "--mount", mount.toString(), "md127")
                        .err())
                .contains("name one");
        assertThat(Run.of(folder, "mdmon", "--mount", folder.toString(), "md127")
                        .err())
                .contains("no array waits for a daemon in");
        assertThat(Run.of(folder, "mdmon", "--mount", mount.toString(), "nosuch")
                        .err())
                .contains("'nosuch' is no container");
        assertThat(mount.resolve("daemons").toFile().list()).containsExactly("enter");
    }
}
