package redoubt.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.WorkerFactory;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.Outcome;

/** Reading, writing, listing and watching over the socket, and the limits of what a client may cost. */
class ControlServerTest {

    private static final long LIMIT = SECONDS.toNanos(10);

    @TempDir
    Path directory;

    private final KernfsDirectory root = KernfsDirectory.root();
    private final AtomicInteger state = new AtomicInteger();
    private final List<String> stored = new ArrayList<>();
    private final KernfsAttribute attribute = KernfsAttribute.readWrite(
            "array_state", out -> out.append(state.get()).line(), text -> {
                stored.add(text.text());
                return text.is("bad") ? Outcome.refused(Errno.EBUSY, "not now") : Outcome.OK;
            });
    private Path socket;
    private ControlServer server;

    @BeforeEach
    void serve() throws Exception {
        socket = directory.resolve("md0.sock");
        KernfsDirectory device = new KernfsDirectory("dev-sda");
        root.add(new KernfsDirectory("my array", attribute, device, new KernfsLink("rd0", device)));
        root.add(KernfsAttribute.large("long", ControlWords.READ_LIMIT_BYTES, out -> {
            while (!out.clipped()) {
                out.append('x');
            }
            return Outcome.OK;
        }));
        server = ControlServer.start(root, socket, WorkerFactory.threads());
    }

    @AfterEach
    void stop() {
        server.close();
        assertThat(server.faults()).isZero();
        assertThat(socket).doesNotExist();
    }

    private Attributes client() throws IOException {
        return SocketAttributes.connect(socket, LIMIT);
    }

    @Test
    void attributesAreReadWrittenAndListed() throws Exception {
        try (Attributes attributes = client()) {
            state.set(7);
            assertThat(attributes.read("my array/array_state")).isEqualTo("7\n");
            attributes.write("my array/array_state", "idle\n");
            assertThat(stored).containsExactly("idle");
            assertThat(attributes.list("my array"))
                    .containsExactly(
                            new Attributes.Entry("array_state", Attributes.Kind.ATTRIBUTE),
                            new Attributes.Entry("dev-sda", Attributes.Kind.DIRECTORY),
                            new Attributes.Entry("rd0", Attributes.Kind.LINK));
            assertThat(attributes.list("")).extracting(Attributes.Entry::name).containsExactly("long", "my array");
            assertThat(attributes.read("long")).hasSize(ControlWords.READ_LIMIT_BYTES - 1);
            assertThat(attributes.readlink("my array/rd0")).isEqualTo("dev-sda");
        }
    }

    @Test
    void aRefusalCarriesTheKernelsWordAndASentence() throws Exception {
        try (Attributes attributes = client()) {
            assertRefused(Errno.EBUSY, "not now", () -> attributes.write("my array/array_state", "bad"));
            assertRefused(Errno.ENOENT, "nothing", () -> attributes.read("nothing"));
            assertRefused(Errno.EISDIR, "my array", () -> attributes.read("my array"));
            assertRefused(Errno.EACCES, "only be read", () -> attributes.write("long", "1"));
            assertRefused(Errno.ENOTDIR, "long", () -> attributes.list("long"));
            assertRefused(Errno.EINVAL, "not a link", () -> attributes.readlink("my array"));
            assertRefused(Errno.ENOENT, "rd9", () -> attributes.readlink("my array/rd9"));
            assertRefused(Errno.EINVAL, "lines", () -> attributes.read("a\nwrite 0 b"));
            assertThat(attributes.read("my array/array_state")).isEqualTo("0\n");
        }
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void assertRefused(Errno errno, String words, Call call) {
        assertThatThrownBy(call::run).isInstanceOfSatisfying(AttributeRefused.class, refused -> {
            assertThat(refused.errno()).isEqualTo(errno);
            assertThat(refused.sentence()).contains(words);
        });
    }

    @Test
    void aWatcherIsToldOfEachChange() throws Exception {
        try (Attributes attributes = client()) {
            attributes.watch("my array/array_state");
            for (int i = 1; i <= 100; i++) {
                state.set(i);
                attribute.notifyChange();
                Attributes.Change change = attributes.awaitChange(LIMIT).orElseThrow();
                assertThat(change).isEqualTo(new Attributes.Change("my array/array_state", 1));
                assertThat(attributes.read("my array/array_state")).isEqualTo(i + "\n");
            }
            assertThat(attributes.awaitChange(1_000_000)).isEmpty();
        }
    }

    @Test
    void aWatcherIsToldThatTheAttributeIsGone() throws Exception {
        try (Attributes attributes = client()) {
            attributes.watch("my array/array_state");
            root.find("my array").remove();
            assertThat(attributes.awaitChange(LIMIT)).isPresent();
            assertRefused(Errno.ENOENT, "my array", () -> attributes.read("my array/array_state"));
        }
    }

    /** Goal: nobody waits for a slow watcher, and it is told how much it missed. Method: it reads nothing during a million changes. */
    @Test
    void aSlowWatcherIsToldHowManyItMissed() throws Exception {
        try (Attributes attributes = client();
                Attributes other = client()) {
            attributes.watch("my array/array_state");
            int changes = 1_000_000;
            for (int i = 0; i < changes; i++) {
                attribute.notifyChange();
            }
            assertThat(other.read("my array/array_state")).isEqualTo("0\n");
            long told = 0;
            while (told < changes) {
                told += attributes.awaitChange(LIMIT).orElseThrow().events();
            }
            assertThat(told).isEqualTo(changes);
        }
    }

    /** A client that asks and never reads is no longer listened to; the next one is served. */
    @Test
    void aClientThatNeverReadsCostsNobodyElse() throws Exception {
        try (SocketChannel greedy = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            greedy.configureBlocking(false);
            byte[] request = "read long\n".getBytes(UTF_8);
            int refusedInARow = 0;
            for (int i = 0; i < 100_000 && refusedInARow < 100; i++) {
                refusedInARow = greedy.write(ByteBuffer.wrap(request)) == 0 ? refusedInARow + 1 : 0;
            }
            try (Attributes attributes = client()) {
                assertThat(attributes.read("my array/array_state")).isEqualTo("0\n");
            }
        }
    }

    @Test
    void clientsBeyondTheLimitAreShutOutUntilOneGoes() throws Exception {
        List<Attributes> clients = new ArrayList<>();
        for (int i = 0; i < ControlServer.CLIENTS_LIMIT; i++) {
            clients.add(client());
        }
        assertThatThrownBy(this::client).isInstanceOf(IOException.class);
        assertThat(server.shutOut()).isEqualTo(1);
        clients.removeFirst().close();
        Attributes next = null;
        while (next == null) {
            try {
                next = client();
            } catch (IOException notYet) {
                Thread.onSpinWait();
            }
        }
        assertThat(next.read("my array/array_state")).isEqualTo("0\n");
        next.close();
        clients.forEach(Attributes::close);
    }

    @Test
    void oneClientWatchesOnlySoMany() throws Exception {
        try (Attributes attributes = client()) {
            for (int i = 0; i < 128; i++) {
                attributes.watch("my array/array_state");
            }
            assertRefused(Errno.ENOSPC, "at most 128", () -> attributes.watch("my array/array_state"));
        }
    }

    @Test
    void allClientsTogetherWatchOnlySoManyAndGiveThemBackWhenTheyGo() throws Exception {
        List<Attributes> clients = new ArrayList<>();
        for (int client = 0; client < 4; client++) {
            Attributes attributes = client();
            clients.add(attributes);
            for (int i = 0; i < 128; i++) {
                attributes.watch("my array/array_state");
            }
        }
        try (Attributes late = client()) {
            assertRefused(Errno.ENOSPC, "all clients together", () -> late.watch("my array/array_state"));
            clients.forEach(Attributes::close);
            for (long until = System.nanoTime() + SECONDS.toNanos(20); !watches(late); LockSupport.parkNanos(100_000)) {
                assertThat(System.nanoTime()).as("the others' are back").isLessThan(until);
            }
        }
    }

    private static boolean watches(Attributes attributes) throws IOException {
        try {
            attributes.watch("my array/array_state");
            return true;
        } catch (AttributeRefused notYet) {
            return false;
        }
    }

    @Test
    void aWaitForAChangeIsEndedByAnybody() throws Exception {
        try (Attributes attributes = client()) {
            attributes.watch("my array/array_state");
            attributes.wake(); // the next wait
            assertThat(attributes.awaitChange(Long.MAX_VALUE / 2)).isEmpty();
            CountDownLatch waits = new CountDownLatch(1);
            redoubt.base.Threads.start("waker", () -> {
                try {
                    waits.await();
                    attributes.wake();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            });
            waits.countDown();
            assertThat(attributes.awaitChange(Long.MAX_VALUE / 2)).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"write 99999 long\n", "write x long\n", "write -1 long\n", "write\n"})
    void aLengthThatCannotBeEndsTheSession(String request) throws Exception {
        assertThat(answers(request)).startsWith(ControlWords.GREETING + "\nno EINVAL a value");
    }

    @Test
    void aLineWithoutAnEndEndsTheSession() throws Exception {
        assertThat(answers("read " + "a".repeat(5_000))).startsWith(ControlWords.GREETING + "\nno EINVAL a line");
    }

    @Test
    void anUnknownWordIsAnswered() throws Exception {
        assertThat(answers("frob x\nread my array/array_state\n"))
                .isEqualTo(ControlWords.GREETING
                        + "\nno EOPNOTSUPP 'frob' is not a word of redoubt-control 1.\nok 2\n0\n");
    }

    /** All that the server says to a client that says this and no more. */
    private String answers(String request) throws IOException {
        try (SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            ByteBuffer all = ByteBuffer.allocate(4096);
            try {
                raw.write(ByteBuffer.wrap(request.getBytes(UTF_8)));
                raw.shutdownOutput();
                while (raw.read(all) >= 0) {
                    assertThat(all.hasRemaining()).isTrue();
                }
            } catch (IOException reset) {
                assertThat(reset).hasMessageContaining("reset");
            }
            return UTF_8.decode(all.flip()).toString();
        }
    }

    @Test
    void theSocketIsTheOwnersOnlyAndIsNotTakenFromALivingServer() throws Exception {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-------");
        assertThatThrownBy(() -> ControlServer.start(root, socket, WorkerFactory.threads()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("served by another process");
    }

    /** The mode of the socket is one fence and who the peer is another: the first is taken down here, by root, for one who is nobody. */
    @Test
    void anotherUserIsShutOutAlsoWhereTheModeLetsItIn() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can become somebody else");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")) && Files.isExecutable(Path.of("/usr/bin/python3")));
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw-rw-"));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        String client = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('" + socket + "');"
                + " print(len(s.recv(100)))";
        Process nobody = new ProcessBuilder(
                        "/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", client)
                .redirectErrorStream(true)
                .start();
        String said = new String(nobody.getInputStream().readAllBytes(), UTF_8);
        nobody.waitFor();
        assertThat(said.strip()).as("bytes that nobody was greeted with").isEqualTo("0");
        assertThat(server.shutOut()).isEqualTo(1);
        try (Attributes attributes = client()) {
            assertThat(attributes.read("my array/array_state")).isEqualTo("0\n");
        }
    }

    @Test
    void aStaleSocketIsReplacedAndAFileIsLeftAlone() throws Exception {
        Path stale = directory.resolve("stale.sock");
        java.nio.channels.ServerSocketChannel dead =
                java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX);
        dead.bind(UnixDomainSocketAddress.of(stale));
        dead.close();
        ControlServer.start(root, stale, WorkerFactory.threads()).close();
        Path file = Files.writeString(directory.resolve("file.sock"), "mine");
        assertThatThrownBy(() -> ControlServer.start(root, file, WorkerFactory.threads()))
                .hasMessageContaining("left alone");
        assertThat(file).hasContent("mine");
    }

    @Test
    void aStaleSocketOfAnotherUserIsLeftAlone() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can give a file to somebody else");
        Path stale = directory.resolve("stale.sock");
        try (var dead = java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(stale));
        }
        Files.setAttribute(stale, "unix:uid", 65_534, LinkOption.NOFOLLOW_LINKS);
        assertThatThrownBy(() -> ControlServer.start(root, stale, WorkerFactory.threads()))
                .hasMessageContaining("left alone")
                .hasMessageContaining(Files.getOwner(stale).getName());
        assertThat(stale).exists();
    }

    @Test
    void aPathThatNoSocketCanHaveIsRefusedInWords() {
        Path far = directory.resolve("a".repeat(120));
        assertThatThrownBy(() -> ControlServer.start(root, far, WorkerFactory.threads()))
                .hasMessageContaining("--control");
    }
}
