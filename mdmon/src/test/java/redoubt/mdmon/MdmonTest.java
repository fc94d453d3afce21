package redoubt.mdmon;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.block.BlockDevice;
import redoubt.control.Attributes;
import redoubt.testkit.Waiting;

/** The daemon as a whole, with its threads, its files and its command socket, before an engine made by hand. */
class MdmonTest {

    private static final String STATE = "block/md126/md/array_state";
    private static final String DELAY = "block/md126/md/safe_mode_delay";
    private static final long BUSY_NANOS = TimeUnit.SECONDS.toNanos(60);

    @TempDir
    Path folder;

    private final List<Object> ends = new CopyOnWriteArrayList<>();
    private final CountDownLatch keeping = new CountDownLatch(1);
    private FakeEngine engine;
    private Mdmon daemon;

    @BeforeEach
    void anEngine() throws Exception {
        engine = new FakeEngine(1);
    }

    @AfterEach
    void end() {
        if (daemon != null && ends.isEmpty()) {
            engine.set("standing", "fenced");
            Waiting.until("the daemon ends", () -> !ends.isEmpty());
        }
    }

    private Path socket() {
        return folder.resolve("run/md127.sock");
    }

    private Path pidFile() {
        return folder.resolve("run/md127.pid");
    }

    private void start(long busyNanos) throws Exception {
        daemon = enter(busyNanos);
        Mdmon starting = daemon;
        Threads.start("mdmon", () -> {
            try {
                ends.add(starting.run(keeping::countDown));
            } catch (Mdmon.Refused | IOException | RuntimeException failed) {
                ends.add(failed);
            }
        });
    }

    private Mdmon enter(long busyNanos) throws Exception {
        return Mdmon.enter(
                new Mdmon.Terms("md127", FakeEngine.NAME, folder.resolve("run"), busyNanos),
                FakeEngine.FORMAT,
                engine,
                Clock.system(),
                sentence -> engine.did.add("! " + sentence));
    }

    private void keep() throws Exception {
        start(BUSY_NANOS);
        keeping.await();
        Waiting.until("the array is taken", () -> engine.did.contains("store " + STATE + " read-auto"));
    }

    @Test
    void itComesInUnderItsNameAndTakesTheArrays() throws Exception {
        keep();
        assertThat(engine.did).startsWith("enter " + FakeEngine.NAME);
        assertThat(Files.readString(pidFile()))
                .isEqualTo(ProcessHandle.current().pid() + "\n");
        assertThat(engine.did).noneMatch(each -> each.contains(DELAY)); // 0.2 seconds are usual
    }

    @Test
    void aDelayThatSomebodyLeftIsMadeUsualAgain() throws Exception {
        engine.set(DELAY, "0.001");
        keep();
        assertThat(engine.did).contains("store " + DELAY + " 5.000");
    }

    /** Goal: as long as another one keeps the metadata, it keeps nothing; then it does, with what it reads then. */
    @Test
    void aNewcomerWaitsUntilItIsCurrent() throws Exception {
        engine.set("standing", "newcomer");
        start(BUSY_NANOS);
        Waiting.until("it can be pinged", () -> CommandSocket.answers(socket()));
        assertThat(engine.did).noneMatch(each -> each.startsWith("store"));
        assertThat(keeping.getCount()).isEqualTo(1);
        engine.set("standing", "current");
        keeping.await();
    }

    @Test
    void onSigtermItHastensCleanAndLeavesWhenNothingIsDirty() throws Exception {
        keep();
        engine.set(STATE, "write-pending");
        Waiting.until("active", () -> engine.did.contains("store " + STATE + " active"));
        engine.set(STATE, "active");
        daemon.terminate();
        Waiting.until("haste", () -> engine.did.contains("store " + DELAY + " 0.001"));
        assertThat(CommandSocket.answers(socket())).isTrue(); // it stays as long as the array is dirty
        assertThat(ends).isEmpty();
        engine.set(STATE, "active-idle");
        Waiting.until("clean", () -> engine.did.contains("store " + STATE + " clean"));
        engine.set(STATE, "clean");
        Waiting.until("it ends", () -> !ends.isEmpty());
        assertThat(ends).containsExactly(Mdmon.End.LEFT);
        assertThat(engine.volume(0, 0).dirty()).isFalse();
        assertThat(engine.did).containsSubsequence("store " + DELAY + " 0.200", "store leave 1");
        assertThat(pidFile()).doesNotExist();
        assertThat(socket()).doesNotExist();
    }

    @Test
    void anArrayThatIsKeptBusyKeepsItForSoLongAndNoLonger() throws Exception {
        start(1);
        keeping.await();
        engine.set(STATE, "active");
        daemon.terminate();
        Waiting.until("it ends", () -> !ends.isEmpty());
        assertThat(ends).containsExactly(Mdmon.End.LEFT);
        assertThat(engine.did).contains("store leave 1");
    }

    @Test
    void itEndsWhenItIsFencedAndDoesNothingMore() throws Exception {
        keep();
        engine.set(STATE, "clean");
        assertThat(CommandSocket.answers(socket())).isTrue();
        engine.did.clear();
        engine.set("standing", "fenced");
        Waiting.until("it ends", () -> !ends.isEmpty());
        assertThat(ends).containsExactly(Mdmon.End.FENCED);
        assertThat(engine.did).noneMatch(each -> each.startsWith("store"));
        assertThat(pidFile()).doesNotExist();
    }

    /** Goal: a service manager is to start another one. Method: the daemon sleeps while it is fenced and another one comes, which takes its tree away. */
    @Test
    void oneThatWasFencedAndFindsItsTreeGoneHasNotEndedWell() throws Exception {
        keep();
        engine.takeTreeAway();
        Waiting.until("it ends", () -> !ends.isEmpty());
        assertThat(ends).containsExactly(Mdmon.End.FENCED);
    }

    /** Goal: whoever came in and fails on the way to its first door leaves no place taken. */
    @Test
    void oneThatFindsNoDoorLeaves() {
        Mdmon.Engine doorless = new Mdmon.Engine() {
            @Override
            public Attributes attributes() {
                return engine.attributes();
            }

            @Override
            public BlockDevice door(String name, int disk) {
                throw new OutOfMemoryError("planted");
            }
        };
        Mdmon.Terms terms = new Mdmon.Terms("md127", FakeEngine.NAME, folder.resolve("run"), BUSY_NANOS);
        assertThatThrownBy(() -> Mdmon.enter(
                        terms,
                        FakeEngine.FORMAT,
                        doorless,
                        Clock.system(),
                        sentence -> engine.did.add("! " + sentence)))
                .isInstanceOf(OutOfMemoryError.class);
        assertThat(engine.did).containsExactly("enter " + FakeEngine.NAME, "store leave 1");
    }

    @Test
    void oneThatIsNotNeededLeaves() throws Exception {
        keep();
        engine.did.clear();
        Mdmon second = enter(BUSY_NANOS);
        assertThatThrownBy(() -> second.run(() -> {})).isInstanceOf(Mdmon.Refused.class);
        assertThat(engine.did).contains("store leave 1");
    }

    @Test
    void itEndsWhenItsArraysAreStopped() throws Exception {
        keep();
        engine.set(STATE, "inactive");
        Waiting.until("it ends", () -> !ends.isEmpty());
        assertThat(ends).containsExactly(Mdmon.End.STOPPED);
    }

    @Test
    void aSecondOneInTheSamePlaceIsRefusedAndWhatADeadOneLeftIsNot() throws Exception {
        Files.createDirectory(folder.resolve("run"));
        Files.setPosixFilePermissions(
                folder.resolve("run"), java.nio.file.attribute.PosixFilePermissions.fromString("rwx------"));
        Files.writeString(pidFile(), "1\n");
        Files.writeString(socket(), "");
        keep();
        Mdmon second = enter(BUSY_NANOS);
        assertThatThrownBy(() -> second.run(() -> {}))
                .isInstanceOf(Mdmon.Refused.class)
                .hasMessageContaining("already");
        assertThat(Files.readString(pidFile()))
                .isEqualTo(ProcessHandle.current().pid() + "\n");
        assertThat(CommandSocket.answers(socket())).isTrue();
    }

    // ---------------------------------------------------------------------------------------------- commands

    @Test
    void aPingIsAnsweredWithTheVersionOnceEverythingWasLookedAt() throws Exception {
        keep();
        assertThat(new String(CommandSocket.ask(socket(), CommandSocket.PING_MONITOR), US_ASCII))
                .isEqualTo(CommandSocket.VERSION + "\0")
                .startsWith("redoubt mdmon - v4.2");
        assertThat(CommandSocket.ask(socket(), CommandSocket.PING_MANAGER)).isEmpty();
        assertThat(CommandSocket.ask(socket(), -7)).isEmpty();
    }

    /** The bytes as the wire has them. */
    @Test
    void severalMessagesOfOneClientAreAnsweredInOrder() throws Exception {
        keep();
        try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
            ByteBuffer asked = ByteBuffer.allocate(24).order(ByteOrder.nativeOrder());
            asked.putInt(0x5A5AA5A5).putInt(-1).putInt(0xA5A55A5A);
            asked.putInt(0x5A5AA5A5).putInt(0).putInt(0xA5A55A5A).flip();
            client.write(asked);
            ByteBuffer answer = ByteBuffer.allocate(20).order(ByteOrder.nativeOrder());
            while (answer.hasRemaining()) {
                assertThat(client.read(answer)).isPositive();
            }
            answer.flip();
            assertThat(List.of(answer.getInt(), answer.getInt(), answer.getInt()))
                    .containsExactly(0x5A5AA5A5, 0, 0xA5A55A5A);
            assertThat(List.of(answer.getInt(), answer.getInt()))
                    .containsExactly(0x5A5AA5A5, CommandSocket.VERSION.length() + 1);
        }
    }

    @Test
    void whoTalksNonsenseOrSendsAnUpdateIsHungUpOnAndTheNextIsServed() throws Exception {
        keep();
        for (int[] words : new int[][] {
            {1, 0, 0xA5A55A5A}, {0x5A5AA5A5, 0, 1}, {0x5A5AA5A5, 4, 0}, {0x5A5AA5A5, Integer.MAX_VALUE, 0}
        }) {
            try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket()))) {
                ByteBuffer bytes = ByteBuffer.allocate(12).order(ByteOrder.nativeOrder());
                for (int word : words) {
                    bytes.putInt(word);
                }
                client.write(bytes.flip());
                assertThat(client.read(ByteBuffer.allocate(1))).isEqualTo(-1);
            } catch (IOException reset) {
                assertThat(reset).hasMessageContaining("reset"); // it did not wait for the end
            }
        }
        assertThat(CommandSocket.answers(socket())).isTrue();
    }
}
